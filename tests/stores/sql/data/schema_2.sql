BEGIN TRANSACTION;
CREATE TABLE tokenauth_revocation (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	transaction_id BIGINT DEFAULT '0' NOT NULL, 
	mark BIGINT DEFAULT '0' NOT NULL, 
	kind VARCHAR(1) NOT NULL, 
	subject VARCHAR(255) NOT NULL, 
	value BIGINT DEFAULT '0' NOT NULL, 
	expires_at BIGINT NOT NULL
);
INSERT INTO "tokenauth_revocation" VALUES(1,0,-3575176592129048828,'s','tablet',0,4949611236325);
INSERT INTO "tokenauth_revocation" VALUES(2,0,9040145378511824954,'t','stolen',0,4000000000000);
INSERT INTO "tokenauth_revocation" VALUES(3,0,7709116237011412066,'u','bob',1796011236349,4949611236356);
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
INSERT INTO "tokenauth_session" VALUES('phone','alice','{"scopes":["reports:read"],"claims":{},"audience":null,"client_id":null,"lifetime":null,"auth_time":null}','phone',NULL,1796011236204,1796011236282,4949611236204,4949611236204,NULL,1,0);
CREATE TABLE tokenauth_store (
	name VARCHAR(255) NOT NULL, 
	value VARCHAR(255) NOT NULL, 
	number BIGINT, 
	PRIMARY KEY (name)
);
INSERT INTO "tokenauth_store" VALUES('schema','2',NULL);
INSERT INTO "tokenauth_store" VALUES('store_id','ee4f017d7cae15ebbae9426c46d55942',NULL);
INSERT INTO "tokenauth_store" VALUES('issuer','https://api.example.com',NULL);
INSERT INTO "tokenauth_store" VALUES('lifetime','',3600000);
INSERT INTO "tokenauth_store" VALUES('leeway','',10000);
INSERT INTO "tokenauth_store" VALUES('ring a-ring','1796011236373',1796011236373);
INSERT INTO "tokenauth_store" VALUES('last_purge','',1796011236386);
CREATE TABLE tokenauth_user_epoch (
	user_id VARCHAR(255) NOT NULL, 
	epoch BIGINT NOT NULL, 
	key_epoch BIGINT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (user_id)
);
INSERT INTO "tokenauth_user_epoch" VALUES('bob',1796011236349,0);
CREATE INDEX ix_tokenauth_session_sign_in ON tokenauth_session (user_id, ended_at, started_at, session_id);
CREATE INDEX ix_tokenauth_revocation_subject ON tokenauth_revocation (subject, kind);
CREATE INDEX ix_tokenauth_revocation_expiry ON tokenauth_revocation (expires_at, id);
CREATE INDEX ix_tokenauth_revocation_transaction ON tokenauth_revocation (transaction_id, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tokenauth_revocation',3);
COMMIT;
