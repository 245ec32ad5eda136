-- Why uploads to a bucket were refused, for whoever registers them.

-- Of what came to an address last; missing where nothing was refused.
ALTER TABLE uploads ADD COLUMN refused TEXT;
