-- Failed log-ins since the customer last got in: how many, from how many addresses, and the last one.
-- default: failed = 0, addresses = 0
SELECT f.customer_id, f.failed, f.addresses, l.attempted_at AS last_failed_at
FROM (
    SELECT a.customer_id,
           COUNT(*) AS failed,
           COUNT(DISTINCT a.ip) AS addresses,
           MAX(a.attempt_id) AS last_attempt
    FROM login_attempts a
    WHERE a.ok = 0
      AND a.attempted_at <= :as_of
      AND NOT EXISTS (
          SELECT 1 FROM login_attempts g
          WHERE g.customer_id = a.customer_id
            AND g.ok = 1
            AND g.attempted_at <= :as_of
            AND g.attempt_id > a.attempt_id)
    GROUP BY a.customer_id
) f
JOIN login_attempts l ON l.attempt_id = f.last_attempt
