CREATE TABLE people (id TEXT, name TEXT, email TEXT, phone TEXT, language TEXT, plan TEXT, agreed TEXT, refused TEXT, since DATE);
INSERT INTO people VALUES
    ('ANA', 'Ana Ruiz', 'ana@example.com', '+34 600 111', 'en', 'pro', 'offers', NULL, '1998-01-01'),
    ('BEN', 'Ben Hall', 'ben@example.com', NULL, 'de', 'basic', NULL, 'service', '1998-05-05');
CREATE TABLE orders (id INTEGER, person TEXT, total REAL, placed_on DATE, shipped_on DATE, note TEXT);
INSERT INTO orders VALUES
    (1, 'ANA', 10.5, '1998-04-20', NULL, 'by night'), (2, 'BEN', 20, '1998-05-04', '1998-05-06', NULL);
CREATE TABLE tickets (person TEXT, opened_on DATE);
INSERT INTO tickets VALUES ('BEN', '1998-04-20');
