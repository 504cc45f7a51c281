-- Invoices that are not paid: many rows a customer, so it has a key.
-- key: invoice_id
--
-- The instant of the run, :as_of, is the only time there is. Write every query so that it tells what was true at
-- that instant. Not `paid_on IS NULL`, which knows the future, but `paid_on IS NULL OR paid_on > :as_of`.
-- Then a dry run of last month shows last month.
SELECT customer_id,
       id AS invoice_id,
       total,
       due_on
FROM invoices
WHERE issued_on <= :as_of
  AND (paid_on IS NULL OR paid_on > :as_of)
