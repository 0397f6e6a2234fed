BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE champions (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	stream VARCHAR(100) NOT NULL, 
	version VARCHAR(200) NOT NULL, 
	path TEXT NOT NULL, 
	digest VARCHAR(100) NOT NULL, 
	run VARCHAR(200), 
	at BIGINT NOT NULL, 
	previous VARCHAR(200), 
	reference VARCHAR(100)
);
INSERT INTO "champions" VALUES(1,'docs','m1','/var/lib/driftwatch/models/docs/m1','sha256:c',NULL,1772323200000000,NULL,'r1');
CREATE TABLE cursors (
	stream VARCHAR(100) NOT NULL, 
	source VARCHAR(100) NOT NULL, 
	position TEXT NOT NULL, 
	PRIMARY KEY (stream, source)
);
INSERT INTO "cursors" VALUES('docs','log','{"offset": 123}');
CREATE TABLE decisions (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	stream VARCHAR(100) NOT NULL, 
	window BIGINT NOT NULL, 
	rule VARCHAR(200) NOT NULL, 
	action VARCHAR(20) NOT NULL, 
	run VARCHAR(200), 
	decision TEXT NOT NULL, 
	CONSTRAINT decisions_once UNIQUE (stream, window, rule)
);
INSERT INTO "decisions" VALUES(1,'docs',0,'topic-shift','retrain','docs-w0000000','{"stream":"docs","window":0,"rule":"topic-shift","action":"retrain","reasons":[],"at":"2026-03-01T00:00:00Z","policy":"p1"}');
CREATE TABLE feedback (
	stream VARCHAR(100) NOT NULL, 
	text VARCHAR(500) NOT NULL, 
	target VARCHAR(500), 
	correct BOOLEAN, 
	rating FLOAT, 
	who VARCHAR(200) NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (stream, text)
);
INSERT INTO "feedback" VALUES('docs','t1',NULL,0,NULL,'x',1772323200000000);
CREATE TABLE intake_counts (
	stream VARCHAR(100) NOT NULL, 
	source VARCHAR(100) NOT NULL, 
	outcome VARCHAR(100) NOT NULL, 
	count BIGINT NOT NULL, 
	PRIMARY KEY (stream, source, outcome)
);
INSERT INTO "intake_counts" VALUES('docs','log','sampled-out',3);
INSERT INTO "intake_counts" VALUES('docs','log','stored',12);
INSERT INTO "intake_counts" VALUES('docs','(feedback)','incorrect',1);
CREATE TABLE marks (
	stream VARCHAR(100) NOT NULL, 
	window BIGINT NOT NULL, 
	"false" BOOLEAN NOT NULL, 
	note TEXT NOT NULL, 
	who VARCHAR(200) NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (stream, window)
);
INSERT INTO "marks" VALUES('docs',0,1,'n','me',1772323200000000);
CREATE TABLE monitor_states (
	stream VARCHAR(100) NOT NULL, 
	detector VARCHAR(100) NOT NULL, 
	reference VARCHAR(100) NOT NULL, 
	state BLOB NOT NULL, 
	PRIMARY KEY (stream, detector)
);
INSERT INTO "monitor_states" VALUES('docs','evidence','r1',X'00017374617465');
CREATE TABLE outbox (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	"key" VARCHAR(400) NOT NULL, 
	receiver VARCHAR(100) NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	attempts INTEGER NOT NULL, 
	due_at BIGINT NOT NULL, 
	created_at BIGINT NOT NULL, 
	firing BOOLEAN NOT NULL, 
	alert TEXT NOT NULL, 
	error TEXT, 
	CONSTRAINT outbox_once UNIQUE ("key", receiver)
);
INSERT INTO "outbox" VALUES(1,'k1','webhook','pending',0,1772323200000000,1772323200000000,1,'{"key":"k1","name":"DriftDetected","stream":"docs","severity":"ticket","summary":"s","description":"d","starts_at":"2026-03-01T00:00:00Z","ends_at":null,"labels":{},"annotations":{}}',NULL);
CREATE TABLE reference_versions (
	stream VARCHAR(100) NOT NULL, 
	version VARCHAR(100) NOT NULL, 
	path TEXT NOT NULL, 
	encoder VARCHAR(100) NOT NULL, 
	tokenizer VARCHAR(100) NOT NULL, 
	champion VARCHAR(100), 
	texts INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	in_force BOOLEAN NOT NULL, 
	PRIMARY KEY (stream, version)
);
INSERT INTO "reference_versions" VALUES('docs','r1','/var/lib/driftwatch/references/docs/r1','sha256:e','sha256:t','sha256:c',10,1772323200000000,1);
CREATE TABLE rule_states (
	stream VARCHAR(100) NOT NULL, 
	rule VARCHAR(200) NOT NULL, 
	state TEXT NOT NULL, 
	PRIMARY KEY (stream, rule)
);
CREATE TABLE runs (
	id VARCHAR(200) NOT NULL, 
	stream VARCHAR(100) NOT NULL, 
	rule VARCHAR(200) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	round INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	candidate VARCHAR(200), 
	cancel_requested BOOLEAN NOT NULL, 
	spec TEXT NOT NULL, 
	progress TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('docs-w0000000','docs','topic-shift','collecting',0,1772323200000000,1772323200000000,NULL,0,'{"id":"docs-w0000000","stream":"docs","rule":"topic-shift","window":0,"first_seq":1,"last_seq":2000,"reference":"r1","champion":"m1","recipe":{"name":"small","method":"full","learning_rates":[0.0003,0.0001],"epochs":2.0,"batch":8,"at_once":null,"context":null,"precision":"auto","gradient_checkpointing":false,"replay":0.2,"distill":4.0,"warmup":0.1,"weight_decay":0.01,"clip":1.0,"patience":0,"evaluate_steps":50,"mask":0.15,"rank":8,"alpha":16.0,"dropout":0.0,"targets":[],"keep_adapter":false,"max_texts":50000,"heldout":0.2,"mitigate":"none","probe":0.1,"merge":[0.25,0.5,0.75,1.0],"devices":1,"checkpoint_steps":25,"seed":7},"limits":{"quality_min_gain":0.01,"forgetting_max_loss":0.05,"bias_max_increase":0.1,"bias_neutral":3,"bias_not_shown":"approve","bias_suites":[]},"rounds":2,"approve":false,"worth":null,"max_hours":null,"probation":{"windows":3,"max_increase":0.0}}',NULL);
CREATE TABLE streams (
	stream VARCHAR(100) NOT NULL, 
	next_window BIGINT NOT NULL, 
	after_seq BIGINT NOT NULL, 
	attempts INTEGER NOT NULL, 
	last_text_at BIGINT, 
	PRIMARY KEY (stream)
);
INSERT INTO "streams" VALUES('docs',1,6,0,1772323200000000);
CREATE TABLE texts (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	stream VARCHAR(100) NOT NULL, 
	id VARCHAR(500) NOT NULL, 
	body TEXT NOT NULL, 
	seen_at BIGINT NOT NULL, 
	taken_at BIGINT NOT NULL, 
	"group" VARCHAR(500), 
	labels TEXT, 
	quarantined TEXT, source VARCHAR(100), target VARCHAR(500), turns TEXT, 
	CONSTRAINT texts_id UNIQUE (stream, id)
);
INSERT INTO "texts" VALUES(1,'docs','t0','text number 0 of the previous version, with ''quotes'' and ünïcode',1772323200000000,1772323200000000,'g0','{"channel":"web"}',NULL,'log',NULL,NULL);
INSERT INTO "texts" VALUES(2,'docs','t1','text number 1 of the previous version, with ''quotes'' and ünïcode',1772323200000000,1772323200000000,'g1','{"channel":"web"}',NULL,'log','a',NULL);
INSERT INTO "texts" VALUES(3,'docs','t2','text number 2 of the previous version, with ''quotes'' and ünïcode',1772323200000000,1772323200000000,'g2','{"channel":"web"}',NULL,'log',NULL,NULL);
INSERT INTO "texts" VALUES(4,'docs','t3','text number 3 of the previous version, with ''quotes'' and ünïcode',1772323200000000,1772323200000000,'g3','{"channel":"web"}',NULL,'log','a','[{"role":"user","content":"hi"}]');
INSERT INTO "texts" VALUES(5,'docs','t4','text number 4 of the previous version, with ''quotes'' and ünïcode',1772323200000000,1772323200000000,'g0','{"channel":"web"}',NULL,'log',NULL,NULL);
INSERT INTO "texts" VALUES(6,'docs','t5','text number 5 of the previous version, with ''quotes'' and ünïcode',1772323200000000,1772323200000000,'g1','{"channel":"web"}',NULL,'log','a',NULL);
INSERT INTO "texts" VALUES(7,'docs','t6','text number 6 of the previous version, with ''quotes'' and ünïcode',1772323200000000,1772323200000000,'g2','{"channel":"web"}',NULL,'log',NULL,NULL);
INSERT INTO "texts" VALUES(8,'docs','t7','text number 7 of the previous version, with ''quotes'' and ünïcode',1772323200000000,1772323200000000,'g3','{"channel":"web"}',NULL,'log','a',NULL);
INSERT INTO "texts" VALUES(9,'docs','t8','text number 8 of the previous version, with ''quotes'' and ünïcode',1772323200000000,1772323200000000,'g0','{"channel":"web"}',NULL,'log',NULL,NULL);
INSERT INTO "texts" VALUES(10,'docs','t9','text number 9 of the previous version, with ''quotes'' and ünïcode',1772323200000000,1772323200000000,'g1','{"channel":"web"}',NULL,'log','a',NULL);
INSERT INTO "texts" VALUES(11,'docs','t10','text number 10 of the previous version, with ''quotes'' and ünïcode',1772323200000000,1772323200000000,'g2','{"channel":"web"}',NULL,'log',NULL,NULL);
INSERT INTO "texts" VALUES(12,'docs','t11','text number 11 of the previous version, with ''quotes'' and ünïcode',1772323200000000,1772323200000000,'g3','{"channel":"web"}',NULL,'log','a',NULL);
CREATE TABLE transitions (
	id INTEGER NOT NULL, 
	run VARCHAR(200) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	at BIGINT NOT NULL, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "transitions" VALUES(1,'docs-w0000000','queued',1772323200000000,'rule topic-shift asked for it on window 0');
INSERT INTO "transitions" VALUES(2,'docs-w0000000','collecting',1772323200000000,'on');
CREATE TABLE verdicts (
	run VARCHAR(200) NOT NULL, 
	round INTEGER NOT NULL, 
	gate VARCHAR(100) NOT NULL, 
	verdict TEXT NOT NULL, 
	PRIMARY KEY (run, round, gate)
);
CREATE TABLE windows (
	stream VARCHAR(100) NOT NULL, 
	"index" BIGINT NOT NULL, 
	outcome VARCHAR(40) NOT NULL, 
	assessed_at BIGINT NOT NULL, 
	result TEXT NOT NULL, 
	PRIMARY KEY (stream, "index")
);
INSERT INTO "windows" VALUES('docs',0,'assessed',1772323200000000,'{"stream":"docs","index":0,"first_seq":1,"last_seq":6,"texts":6,"distinct":6,"first_seen_at":"2026-03-01T00:00:00Z","last_seen_at":"2026-03-01T00:00:00Z","reference":"r1","champion":"m1","outcome":"assessed","measures":[{"name":"drift.alarm","value":1.0,"low":null,"high":null,"null_low":null,"null_high":null},{"name":"loss.increase","value":0.2,"low":null,"high":null,"null_low":null,"null_high":null}],"words":[],"exemplars":["an exemplar"],"state":null,"onset":null,"channels":[],"clusters":[],"slices":[],"map":null,"loss_unit":"nats/token","arl_texts":null}');
CREATE INDEX champions_stream ON champions (stream, id);
CREATE INDEX outbox_due ON outbox (state, due_at);
CREATE INDEX runs_state ON runs (state);
CREATE INDEX runs_stream ON runs (stream, created_at);
CREATE INDEX texts_group ON texts (stream, "group");
CREATE INDEX texts_order ON texts (stream, seq);
CREATE INDEX transitions_run ON transitions (run, id);
CREATE INDEX windows_time ON windows (assessed_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('texts',12);
INSERT INTO "sqlite_sequence" VALUES('champions',1);
INSERT INTO "sqlite_sequence" VALUES('decisions',1);
INSERT INTO "sqlite_sequence" VALUES('outbox',1);
COMMIT;
