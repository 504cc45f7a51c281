-- Who our customers are and how to reach them.
-- personal: name, contact_name, email, phone, owner
SELECT c.customer_id,
       c.company_name AS name,
       c.contact_name,
       k.email,
       c.phone,
       k.locale,
       k.timezone,
       k.preferred_channel,
       k.owner,
       k.consents,
       k.refusals,
       k.plan,
       k.registered_at
FROM customers c
JOIN customer_contacts k ON k.customer_id = c.customer_id
WHERE k.registered_at <= :as_of
