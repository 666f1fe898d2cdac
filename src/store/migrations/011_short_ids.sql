-- People type the last eight digits of an id.
CREATE INDEX mints_by_short_id ON mints (substr(token, 13), token);
CREATE INDEX hosts_by_short_id ON hosts (substr(host, 13), host);
