BEGIN TRANSACTION;
CREATE TABLE tokenauth_revocation (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	mark BIGINT DEFAULT '0' NOT NULL, 
	kind VARCHAR(1) NOT NULL, 
	subject VARCHAR(255) NOT NULL, 
	value BIGINT DEFAULT '0' NOT NULL, 
	expires_at BIGINT NOT NULL
);
INSERT INTO "tokenauth_revocation" VALUES(1,-2467297132712349437,'s','tablet',0,4949557033718);
INSERT INTO "tokenauth_revocation" VALUES(2,-8842202326675033199,'t','stolen',0,4000000000000);
INSERT INTO "tokenauth_revocation" VALUES(3,7331129499643983723,'u','bob',1795957033720,4949557033721);
CREATE TABLE tokenauth_session (
	session_id VARCHAR(255) NOT NULL, 
	user_id VARCHAR(255) NOT NULL, 
	granted TEXT NOT NULL, 
	label VARCHAR(255), 
	user_agent VARCHAR(500), 
	started_at BIGINT NOT NULL, 
	rotated_at BIGINT, 
	idle_expires_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	ended_at BIGINT, 
	generation BIGINT NOT NULL, 
	epoch BIGINT NOT NULL, 
	PRIMARY KEY (session_id)
);
INSERT INTO "tokenauth_session" VALUES('phone','alice','{"scopes":["reports:read"],"claims":{},"audience":null,"client_id":null,"lifetime":null,"auth_time":null}','phone',NULL,1795957033709,1795957033715,4949557033709,4949557033709,NULL,1,0);
CREATE TABLE tokenauth_store (
	name VARCHAR(255) NOT NULL, 
	value VARCHAR(255) NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "tokenauth_store" VALUES('schema','1');
INSERT INTO "tokenauth_store" VALUES('store_id','9a25440ab790842b2296dfc4a843d2f5');
INSERT INTO "tokenauth_store" VALUES('issuer','https://api.example.com');
INSERT INTO "tokenauth_store" VALUES('lifetime','3600000');
INSERT INTO "tokenauth_store" VALUES('leeway','10000');
INSERT INTO "tokenauth_store" VALUES('last_purge','1795957033722');
CREATE TABLE tokenauth_user_epoch (
	user_id VARCHAR(255) NOT NULL, 
	epoch BIGINT NOT NULL, 
	PRIMARY KEY (user_id)
);
INSERT INTO "tokenauth_user_epoch" VALUES('bob',1795957033720);
CREATE INDEX ix_tokenauth_session_sign_in ON tokenauth_session (user_id, ended_at, started_at, session_id);
CREATE INDEX ix_tokenauth_revocation_subject ON tokenauth_revocation (subject, kind);
CREATE INDEX ix_tokenauth_revocation_expires_at ON tokenauth_revocation (expires_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tokenauth_revocation',3);
COMMIT;
