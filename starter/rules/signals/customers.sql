-- Who your customers are and how to reach them: one row a customer.
--
-- Change the table and the columns on the left to yours, and keep the names after AS: these mean something to Lookout.
-- Only customer_id is required. Also known is account_id. Any other column, such as plan here, is for your own rules.
--
-- The next line names what a masked snapshot must replace.
-- personal: name, email, phone, owner
SELECT id AS customer_id,
       full_name AS name,
       email_address AS email,
       mobile AS phone,
       prefers AS preferred_channel,    -- email, sms or phone
       language AS locale,              -- en, de, pt-BR, …
       time_zone AS timezone,           -- Europe/Berlin, Asia/Bangkok, …
       account_manager AS owner,        -- who looks after them
       agreed_topics AS consents,       -- topics of policy.toml with commas between them, * for all
       refused_topics AS refusals,
       plan,
       trial_ends_on
FROM customers
WHERE created_at <= :as_of
