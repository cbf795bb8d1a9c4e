CREATE TABLE tokenauth_revocation (
	id BIGINT NOT NULL, 
	transaction_id BIGINT NOT NULL DEFAULT '0', 
	mark BIGINT NOT NULL DEFAULT '0', 
	kind VARCHAR(1) NOT NULL, 
	subject VARBINARY(1020) NOT NULL, 
	value BIGINT NOT NULL DEFAULT '0', 
	expires_at BIGINT NOT NULL, 
	PRIMARY KEY (id)
)ENGINE=InnoDB CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
CREATE INDEX ix_tokenauth_revocation_expiry ON tokenauth_revocation (expires_at, id);
CREATE INDEX ix_tokenauth_revocation_subject ON tokenauth_revocation (subject, kind);
CREATE INDEX ix_tokenauth_revocation_transaction ON tokenauth_revocation (transaction_id, id);
CREATE TABLE tokenauth_session (
	session_id VARBINARY(1020) NOT NULL, 
	user_id VARBINARY(1020) NOT NULL, 
	granted MEDIUMTEXT NOT NULL, 
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
)ENGINE=InnoDB CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
CREATE INDEX ix_tokenauth_session_sign_in ON tokenauth_session (user_id, ended_at, started_at, session_id);
CREATE TABLE tokenauth_store (
	name VARBINARY(1020) NOT NULL, 
	value VARBINARY(1020) NOT NULL, 
	number BIGINT, 
	PRIMARY KEY (name)
)ENGINE=InnoDB CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
CREATE TABLE tokenauth_user_epoch (
	user_id VARBINARY(1020) NOT NULL, 
	epoch BIGINT NOT NULL, 
	key_epoch BIGINT NOT NULL DEFAULT '0', 
	PRIMARY KEY (user_id)
)ENGINE=InnoDB CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
INSERT INTO tokenauth_revocation (id, transaction_id, mark, kind, subject, value, expires_at) VALUES (1, 0, 3575176592129048828, 's', 'tablet', 0, 4949611236325), (2, 0, 904014537851182495, 't', 'stolen', 0, 4000000000000), (3, 0, 770911623701141206, 'u', 'bob', 1796011236349, 4949611236356);
INSERT INTO tokenauth_session VALUES ('phone', 'alice', '{"scopes":["reports:read"],"claims":{},"audience":null,"client_id":null,"lifetime":null,"auth_time":null}', 'phone', NULL, 1796011236204, 1796011236282, 4949611236204, 4949611236204, NULL, 1, 0);
INSERT INTO tokenauth_store (name, value, number) VALUES ('schema', '2', NULL), ('store_id', 'ee4f017d7cae15ebbae9426c46d55942', NULL), ('issuer', 'https://api.example.com', NULL), ('lifetime', '', 3600000), ('leeway', '', 10000), ('ring a-ring', '1796011236373', 1796011236373), ('last_purge', '', 1796011236386), ('last_revocation', '', 3);
INSERT INTO tokenauth_user_epoch VALUES ('bob', 1796011236349, 0);
