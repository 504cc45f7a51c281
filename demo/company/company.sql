-- A made-up software company with a few customers, for a new pack to be tried on. None of it is real: the people, their
-- addresses under example.com, the invoices and the visits are invented. It is March 2026; `--as-of 2026-03-10T10:00:00Z`
-- is a Tuesday morning there.

CREATE TABLE customers (
    id TEXT PRIMARY KEY,
    full_name TEXT NOT NULL,
    email_address TEXT,
    mobile TEXT,
    prefers TEXT,                   -- email, sms or phone, where they have said so
    language TEXT NOT NULL,
    time_zone TEXT,
    plan TEXT NOT NULL,             -- trial, basic or pro
    trial_ends_on DATE,
    account_manager TEXT,
    agreed_topics TEXT,
    refused_topics TEXT,
    created_at TIMESTAMP NOT NULL
);

CREATE TABLE invoices (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    total REAL NOT NULL,
    issued_on DATE NOT NULL,
    due_on DATE NOT NULL,
    paid_on DATE
);

CREATE TABLE visits (
    customer_id TEXT NOT NULL REFERENCES customers (id),
    visited_at TIMESTAMP NOT NULL
);

INSERT INTO customers VALUES
    ('c01', 'Ana Lopez',       'ana@example.com',    '+34 600 000 101',  NULL,    'es', 'Europe/Madrid',    'pro',   NULL,         'mia@example.com', 'offers', NULL,      '2024-05-02 08:00:00'),
    ('c02', 'Bo Holm',         NULL,                 NULL,               NULL,    'en', 'Europe/Oslo',      'basic', NULL,         NULL,              NULL,     NULL,      '2024-06-11 12:30:00'),
    ('c03', 'Chanthira Suk',   'chan@example.com',   NULL,               NULL,    'th', 'Asia/Bangkok',     'basic', NULL,         NULL,              NULL,     NULL,      '2024-09-20 03:10:00'),
    ('c04', 'Dana Weiss',      'dana@example.com',   NULL,               NULL,    'de', 'Europe/Berlin',    'pro',   NULL,         'mia@example.com', 'offers', NULL,      '2024-10-01 09:45:00'),
    ('c05', 'Eli Carter',      'eli@example.com',    '+1 555 0105',      NULL,    'en', 'America/New_York', 'basic', NULL,         NULL,              NULL,     NULL,      '2024-11-17 15:00:00'),
    ('c06', 'Femi Ade',        'femi@example.com',   NULL,               NULL,    'en', 'Africa/Lagos',     'basic', NULL,         NULL,              NULL,     'service', '2025-01-08 10:20:00'),
    ('c07', 'Greta Lindqvist', 'greta@example.com',  '+46 70 000 01 07', 'phone', 'sv', 'Europe/Stockholm', 'pro',   NULL,         'tom@example.com', NULL,     NULL,      '2025-03-30 07:00:00'),
    ('c08', 'Hugo Martin',     'hugo@example.com',   NULL,               NULL,    'fr', 'Europe/Paris',     'trial', '2026-03-12', NULL,              NULL,     NULL,      '2026-02-26 16:40:00'),
    ('c09', 'Ines Rocha',      'ines@example.com',   NULL,               NULL,    'pt', 'Europe/Lisbon',    'trial', '2026-03-13', NULL,              NULL,     NULL,      '2026-02-27 11:05:00'),
    ('c10', 'Jun Mori',        'jun@example.com',    NULL,               NULL,    'en', 'Asia/Tokyo',       'trial', '2026-03-24', NULL,              NULL,     NULL,      '2026-03-06 02:15:00'),
    ('c11', 'Kim Novak',       'kim@example.com',    NULL,               NULL,    'en', 'Europe/Berlin',    'trial', '2026-03-14', NULL,              NULL,     '*',       '2026-02-28 13:00:00'),
    ('c12', 'Lea Brandt',      'lea@example.com',    NULL,               NULL,    'de', 'Europe/Berlin',    'basic', NULL,         NULL,              'offers', NULL,      '2025-07-14 09:00:00');

INSERT INTO invoices VALUES
    ('2026-011', 'c01', 240.00,  '2026-02-02', '2026-02-16', '2026-02-14'),
    ('2026-012', 'c04', 240.00,  '2026-02-02', '2026-02-16', '2026-02-20'),
    ('2026-013', 'c05', 49.00,   '2026-02-05', '2026-02-19', NULL),
    ('2026-014', 'c07', 240.00,  '2026-02-09', '2026-02-23', NULL),
    ('2026-015', 'c02', 49.00,   '2026-02-12', '2026-02-26', NULL),
    ('2026-016', 'c06', 49.00,   '2026-02-13', '2026-02-27', NULL),
    ('2026-017', 'c01', 120.50,  '2026-02-16', '2026-03-02', NULL),
    ('2026-018', 'c01', 80.00,   '2026-02-18', '2026-03-04', NULL),
    ('2026-019', 'c03', 49.00,   '2026-02-19', '2026-03-05', NULL),
    ('2026-020', 'c12', 49.00,   '2026-02-19', '2026-03-05', NULL),
    ('2026-021', 'c04', 240.00,  '2026-02-20', '2026-03-06', '2026-03-09'),
    ('2026-022', 'c04', 19.90,   '2026-02-20', '2026-03-06', NULL),
    ('2026-023', 'c12', 15.00,   '2026-02-23', '2026-03-09', NULL),
    ('2026-024', 'c05', 49.00,   '2026-03-05', '2026-03-19', NULL);

INSERT INTO visits VALUES
    ('c01', '2026-03-09 08:30:00'), ('c01', '2026-03-06 09:10:00'), ('c01', '2026-03-02 10:00:00'),
    ('c04', '2026-03-09 13:00:00'), ('c05', '2026-01-20 17:00:00'), ('c07', '2026-03-08 19:30:00'),
    ('c08', '2026-02-26 16:45:00'), ('c08', '2026-02-27 09:00:00'),
    ('c09', '2026-02-27 11:10:00'), ('c09', '2026-03-02 08:20:00'), ('c09', '2026-03-05 14:00:00'),
    ('c09', '2026-03-09 10:40:00'), ('c10', '2026-03-06 02:20:00'), ('c12', '2026-03-03 07:15:00');
