// What a board's file must be, by @grafana/schema's own types. A test writes the boards after this, and lets tsc judge.
import type { AnnotationQuery, Dashboard, Panel, RowPanel, VariableModel } from '@grafana/schema';
import type * as StatCfg from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen.js';
import type * as StateCfg from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen.js';
import type * as TableCfg from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen.js';
import type * as TextCfg from '@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen.js';
import type * as TimeCfg from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen.js';

// JSON holds the values of enums, not their names.
type Plain<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends Array<infer U>
      ? Array<Plain<U>>
      : T extends object
        ? { [K in keyof T]: Plain<T[K]> }
        : T;

type Fields<Custom> = Omit<NonNullable<Plain<Panel>['fieldConfig']>, 'defaults'> & {
  defaults: Omit<NonNullable<Plain<Panel>['fieldConfig']>['defaults'], 'custom'> & { custom?: Partial<Plain<Custom>> };
};
type Of<Type extends string, Options, Custom = Record<string, never>> = Omit<Plain<Panel>, 'type' | 'options' | 'fieldConfig'> & {
  type: Type;
  options?: Partial<Plain<Options>>;
  fieldConfig?: Fields<Custom>;
};
// The Prometheus data source keeps its own keys beside an annotation's.
type Annotation = Omit<Plain<AnnotationQuery>, 'target'> & {
  expr: string;
  useValueForTime: true;
  titleFormat: string;
  textFormat: string;
  tagKeys: string;
};
// The kit writes what only interval variables have for all of them.
type Variable = Plain<VariableModel> & { auto?: boolean; auto_min?: string; auto_count?: number };

export type Board = Omit<Plain<Dashboard>, 'panels' | 'annotations' | 'templating'> & {
  annotations: { list: Annotation[] };
  templating: { list: Variable[] };
  panels: Array<
    | Plain<RowPanel>
    | Of<'stat', StatCfg.Options>
    | Of<'state-timeline', StateCfg.Options, StateCfg.FieldConfig>
    | Of<'table', TableCfg.Options, TableCfg.FieldConfig>
    | Of<'text', TextCfg.Options>
    | Of<'timeseries', TimeCfg.Options, TimeCfg.FieldConfig>
  >;
};
