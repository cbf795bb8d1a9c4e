CREATE TABLE tokenauth_api_key (
	key_id VARCHAR(255) COLLATE "C" NOT NULL, 
	digest VARCHAR(255) COLLATE "C" NOT NULL, 
	user_id VARCHAR(255) COLLATE "C" NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	hint VARCHAR(32) NOT NULL, 
	granted TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	last_used_at BIGINT, 
	expires_at BIGINT, 
	revoked_at BIGINT, 
	key_epoch BIGINT NOT NULL, 
	PRIMARY KEY (key_id)
);
CREATE INDEX ix_tokenauth_api_key_user ON tokenauth_api_key (user_id, revoked_at, created_at, key_id);
CREATE TABLE tokenauth_reference_token (
	token_id VARCHAR(255) COLLATE "C" NOT NULL, 
	digest VARCHAR(255) COLLATE "C" NOT NULL, 
	user_id VARCHAR(255) COLLATE "C" NOT NULL, 
	epoch BIGINT NOT NULL, 
	claims TEXT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	revoked_at BIGINT, 
	PRIMARY KEY (token_id)
);
INSERT INTO tokenauth_api_key VALUES ('LZrCubm0rptuRMbS5pXEeF', 'LZrCubm0rptuRMbS5pXEeFT-blpNTFWZKvQwR7aSrbw', 'alice', 'ci', 'ta_…abcd', '{"scopes":["reports:read"],"claims":{},"audience":null,"client_id":null,"lifetime":null,"auth_time":null}', 1796011236300, NULL, NULL, NULL, 0);
INSERT INTO tokenauth_reference_token VALUES ('Mqh00N5RfMN44CJmPEl1wH', 'Mqh00N5RfMN44CJmPEl1wHD4PXziR6y9ujTutX-WNRY', 'alice', 0, '{"sub":"alice"}', 4949611236325, NULL);
UPDATE tokenauth_store SET value = '3' WHERE name = 'schema';
