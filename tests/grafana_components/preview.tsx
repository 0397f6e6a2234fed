// Draws a board with Grafana's own components: PanelChrome, BigValue, TimeSeries and Table of @grafana/ui, field configurations,
// transformations and value formats of @grafana/data. State timelines are the one exception: Grafana publishes no component of
// them, so they are drawn here, with its theme, mappings and colours.
import {
  applyFieldOverrides,
  createDataFrame,
  createTheme,
  DataFrame,
  dateTime,
  EventBusSrv,
  FieldType,
  getDisplayProcessor,
  getFieldDisplayValues,
  renderMarkdown,
  standardTransformers,
  standardTransformersRegistry,
  ThemeContext,
  transformDataFrame,
} from '@grafana/data';
import { BigValue, GlobalStyles, PanelChrome, PanelContextProvider, Table, TimeSeries, UPlotConfigBuilder } from '@grafana/ui';
import * as React from 'react';
import { createRoot } from 'react-dom/client';

interface Series { refId: string; name: string; labels: Record<string, string>; values: Array<[number, number]> }
interface Event { name: string; colour: string; at: number }
interface Shown { board: any; from: number; to: number; data: Record<string, Series[]>; events: Event[]; dark: boolean; width: number }

const CELL = 30;
const GAP = 8;
const PROPERTIES = [
  'unit', 'decimals', 'min', 'max', 'thresholds', 'mappings', 'links', 'color', 'noValue', 'displayName',
  'custom.lineStyle', 'custom.drawStyle', 'custom.fillOpacity', 'custom.cellOptions', 'custom.minWidth', 'custom.width', 'custom.thresholdsStyle', 'custom.stacking', 'custom.lineWidth',
  'custom.showPoints', 'custom.axisSoftMax', 'custom.axisPlacement',
];

const properties = PROPERTIES.map((id) => ({
  id,
  path: id.replace('custom.', ''),
  isCustom: id.startsWith('custom.'),
  name: id,
  process: (value: unknown) => value,
  shouldApply: () => true,
}));
const registry: any = {
  getIfExists: (id: string) => properties.find((each) => each.id === id),
  list: () => properties,
};

standardTransformersRegistry.setInit(() =>
  [standardTransformers.mergeTransformer, standardTransformers.organizeFieldsTransformer].map((each: any) => ({
    id: each.id,
    name: each.name,
    transformation: each,
    editor: (() => null) as any,
    categories: new Set(),
  })) as any
);

function overTime(series: Series[]): DataFrame[] {
  return series.map((each) =>
    createDataFrame({
      refId: each.refId,
      name: each.name,
      fields: [
        { name: 'Time', type: FieldType.time, values: each.values.map(([at]) => at), config: {} },
        {
          name: 'Value',
          type: FieldType.number,
          labels: each.labels,
          values: each.values.map(([, value]) => value),
          config: { displayNameFromDS: each.name },
        },
      ],
    })
  );
}

function asTable(series: Series[], refIds: string[]): DataFrame[] {
  return refIds.map((refId) => {
    const own = series.filter((each) => each.refId === refId);
    const labels = [...new Set(own.flatMap((each) => Object.keys(each.labels)))].sort();
    return createDataFrame({
      refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: own.map(() => 0), config: {} },
        ...labels.map((label) => ({
          name: label,
          type: FieldType.string,
          values: own.map((each) => each.labels[label] ?? ''),
          config: {},
        })),
        { name: `Value #${refId}`, type: FieldType.number, values: own.map((each) => each.values[0][1]), config: {} },
      ],
    });
  });
}

function configured(frames: DataFrame[], panel: any, theme: any): DataFrame[] {
  return applyFieldOverrides({
    data: frames,
    fieldConfig: structuredClone(panel.fieldConfig),
    replaceVariables: (text: string) => text,
    fieldConfigRegistry: registry,
    theme,
    timeZone: 'utc',
  });
}

function Nothing() {
  return <div className="nothing">No data</div>;
}

function Stat({ panel, series, theme, width, height }: any) {
  const frames = configured(overTime(series), panel, theme);
  const values = getFieldDisplayValues({
    data: frames,
    fieldConfig: structuredClone(panel.fieldConfig),
    reduceOptions: panel.options.reduceOptions,
    replaceVariables: (text: string) => text,
    sparkline: panel.options.graphMode === 'area',
    theme,
    timeZone: 'utc',
  });
  return (
    <BigValue
      value={{ ...values[0].display, title: undefined }}
      sparkline={values[0].sparkline}
      colorMode={panel.options.colorMode}
      graphMode={panel.options.graphMode}
      theme={theme}
      width={width}
      height={height}
    />
  );
}

function Chart({ panel, frames, shown, width, height }: any) {
  const { from, to, events } = shown as Shown;
  const mark = (config: UPlotConfigBuilder) => {
    config.addHook('draw', (plot: any) => {
      const context = plot.ctx as CanvasRenderingContext2D;
      for (const event of events) {
        if (event.at < from || event.at > to) { continue; }
        const x = plot.valToPos(event.at, 'x', true);
        context.save();
        context.strokeStyle = event.colour;
        context.setLineDash([5, 4]);
        context.beginPath();
        context.moveTo(x, plot.bbox.top);
        context.lineTo(x, plot.bbox.top + plot.bbox.height);
        context.stroke();
        context.restore();
      }
    });
    return null;
  };
  const range = { from: dateTime(from), to: dateTime(to), raw: { from: dateTime(from), to: dateTime(to) } };
  return (
    <TimeSeries
      frames={frames}
      structureRev={1}
      timeRange={range}
      timeZone="utc"
      width={width}
      height={height}
      legend={{ ...panel.options.legend, calcs: panel.options.legend.calcs ?? [] }}
      options={panel.options}
    >
      {mark as any}
    </TimeSeries>
  );
}

function Timeline({ frames, shown, theme, width, height }: any) {
  const { from, to } = shown as Shown;
  const left = Math.min(260, width * 0.4);
  const rows = (frames as DataFrame[]).map((frame) => {
    const [time, value] = frame.fields;
    const display = getDisplayProcessor({ field: value, theme, timeZone: 'utc' });
    const runs: Array<{ from: number; to: number; value: number }> = [];
    time.values.forEach((at: number, place: number) => {
      const last = runs[runs.length - 1];
      if (last && last.value === value.values[place]) { last.to = at; } else { runs.push({ from: at, to: at, value: value.values[place] }); }
    });
    runs.forEach((run, place) => { run.to = runs[place + 1]?.from ?? to; });
    return { name: frame.name, runs, display };
  });
  const tall = Math.min(30, (height - 4) / Math.max(rows.length, 1));
  const across = (at: number) => left + ((at - from) / (to - from)) * (width - left - 8);
  return (
    <svg width={width} height={height} fontFamily={theme.typography.fontFamily} fontSize={Math.min(12, tall - 1)}>
      {rows.map((row, place) => (
        <g key={place} transform={`translate(0,${place * tall})`}>
          <text x={left - 8} y={tall / 2 + 4} textAnchor="end" fill={theme.colors.text.primary}>{row.name}</text>
          {row.runs.map((run) => {
            const shownAs = row.display(run.value);
            const wide = Math.max(across(run.to) - across(run.from), 1);
            return (
              <g key={run.from}>
                <rect x={across(run.from)} y={1} width={wide} height={tall * 0.8} fill={shownAs.color} opacity={0.75} />
                {wide > 60 && tall > 10 && (
                  <text x={across(run.from) + 6} y={tall / 2 + 3} fill={theme.colors.text.maxContrast}>{shownAs.text}</text>
                )}
              </g>
            );
          })}
        </g>
      ))}
    </svg>
  );
}

function Inside({ panel, shown, theme, width, height }: any) {
  const series: Series[] = (shown as Shown).data[panel.id] ?? [];
  const [table, setTable] = React.useState<DataFrame | null>(null);
  React.useEffect(() => {
    if (panel.type === 'table' && series.length) {
      const refIds = panel.targets.map((target: any) => target.refId);
      const subscription = transformDataFrame(panel.transformations, asTable(series, refIds)).subscribe((made) =>
        setTable(configured(made, panel, theme)[0])
      );
      return () => subscription.unsubscribe();
    }
    return undefined;
  }, []);
  if (panel.type === 'text') {
    return <div className="note markdown-html" dangerouslySetInnerHTML={{ __html: renderMarkdown(panel.options.content) }} />;
  }
  if (panel.type === 'stat') {
    return <Stat {...{ panel, series, theme, width, height }} />;
  }
  if (!series.length) {
    return <Nothing />;
  }
  if (panel.type === 'table') {
    return table && (
      <Table data={table} width={width} height={height} initialSortBy={panel.options?.sortBy} enableSharedCrosshair={false} />
    );
  }
  const frames = configured(overTime(series), panel, theme);
  return panel.type === 'timeseries' ? (
    <Chart {...{ panel, frames, shown, width, height }} />
  ) : (
    <Timeline {...{ frames, shown, theme, width, height }} />
  );
}

class Guard extends React.Component<React.PropsWithChildren<{ title: string }>, { failed?: string }> {
  state: { failed?: string } = {};
  static getDerivedStateFromError(error: unknown) {
    return { failed: String(error) };
  }
  render() {
    return this.state.failed ? <div className="failed">{`${this.props.title}: ${this.state.failed}`}</div> : this.props.children;
  }
}

function Board({ shown, theme }: { shown: Shown; theme: any }) {
  const column = (shown.width - GAP) / 24;
  const tall = Math.max(...shown.board.panels.map((panel: any) => panel.gridPos.y + panel.gridPos.h)) * (CELL + GAP) + 64;
  return (
    <div style={{ position: 'relative', width: shown.width, height: tall, background: theme.colors.background.canvas }}>
      <div className="title" style={{ color: theme.colors.text.primary }}>
        {shown.board.title}
        <small style={{ color: theme.colors.text.secondary }}>{shown.board.description}</small>
      </div>
      {shown.board.panels.map((panel: any) => {
        const { x, y, w, h } = panel.gridPos;
        const width = w * column - GAP;
        const height = h * (CELL + GAP) - GAP;
        const style: React.CSSProperties = { position: 'absolute', left: x * column + GAP, top: y * (CELL + GAP) + 56, width, height };
        if (panel.type === 'row') {
          return <div key={panel.id} className="heading" style={{ ...style, color: theme.colors.text.primary }}>{panel.title}</div>;
        }
        return (
          <div key={panel.id} style={style} data-panel={panel.title}>
            <PanelChrome title={panel.title} width={width} height={height} padding="md">
              {(innerWidth, innerHeight) => (
                <Guard title={panel.title}>
                  <Inside {...{ panel, shown, theme }} width={innerWidth} height={innerHeight} />
                </Guard>
              )}
            </PanelChrome>
          </div>
        );
      })}
    </div>
  );
}

const shown: Shown = (window as any).SHOWN;
const theme = createTheme({ colors: { mode: shown.dark ? 'dark' : 'light' } });
createRoot(document.getElementById('board')!).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <PanelContextProvider value={{ eventsScope: 'board', eventBus: new EventBusSrv() } as any}>
      <Board shown={shown} theme={theme} />
    </PanelContextProvider>
  </ThemeContext.Provider>
);
