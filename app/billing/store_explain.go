package billing

import (
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// LineQs read a line of a customer's invoice with up to limit of the sessions
// behind it, oldest first, from after on; fail.NotFound when there is none (R20).
func LineQs(dst *LineDetail, userID uuid.UUID, number string, position int, after *Place, limit int) []tenants.Query {
	var at *time.Time
	var id *uuid.UUID
	if after != nil {
		at, id = &after.StartedAt, &after.ID
	}
	return []tenants.Query{
		InvoiceQ(&dst.Invoice, userID, number),
		tenants.GetQ(&dst.Line, "line", `-- billing.LineQs, line
			select `+lineColumns+`
			from invoices i join invoice_items l on l.invoice_id = i.id
			where i.user_id = $1 and i.number = $2 and i.status <> 'draft' and l.position = $3`, userID, number, position),
		tenants.ListQ(&dst.Sessions, `-- billing.LineQs, sessions
			with line as (
				select l.id, l.kind
				from invoices i join invoice_items l on l.invoice_id = i.id
				where i.user_id = $1 and i.number = $2 and i.status <> 'draft' and l.position = $3),
			runs as (
				select l.id as item_id, l.kind, b.session_id, b.currency, case l.kind when 'included' then 0 else b.rate end as rate,
					count(*) as blocks, sum(b.seconds)::bigint as seconds, sum(b.prepaid) as prepaid
				from line l join usage_blocks b on b.invoice_item_id = l.id
				group by 1, 2, 3, 4, 5)
			select r.item_id, r.session_id, s.plan_name, s.started_at, r.blocks, r.seconds, r.rate, r.currency, r.prepaid,
				s.stopped_at, s.started_by, coalesce(s.ended_by, '') as ended_by, s.plan_version
			from runs r join kasm_usage_sessions s on s.id = r.session_id
			where $4::timestamptz is null or (s.started_at, s.id) > ($4, $5::uuid)
			order by s.started_at, s.id
			limit $6`, userID, number, position, at, id, limit),
	}
}

// ProofQs read what is known of a customer's session and up to limit of its blocks
// after block number after (-1: from the first); fail.NotFound when there is none.
func ProofQs(dst *SessionProof, userID, session uuid.UUID, after, limit int) []tenants.Query {
	return []tenants.Query{
		tenants.GetQ(&dst.Evidence, "session", `-- billing.ProofQs, session
			select s.id as session_id, s.kasm_workspace_id as workspace_id, s.service_type, s.plan_name, s.plan_version, s.cost_per_hour as rate, s.currency,
				s.block_seconds, s.free_blocks, s.started_by, coalesce(s.ended_by, '') as ended_by, s.started_at, s.stopped_at, s.last_proof_at,
				b.blocks, b.seconds, b.prepaid,
				(select count(*) from write_offs o where o.session_id = s.id) as written_off,
				array(select k.name from api_keys k where s.started_by = 'api' and k.user_id = s.user_id and k.created_at <= s.started_at
					and (k.revoked_at is null or k.revoked_at > s.started_at) order by k.name) as keys
			from kasm_usage_sessions s
			cross join lateral (
				select count(*) as blocks, coalesce(sum(u.seconds), 0)::bigint as seconds, coalesce(sum(u.prepaid), 0) as prepaid
				from usage_blocks u where u.session_id = s.id) b
			where s.id = $1 and s.user_id = $2`, session, userID),
		tenants.ListQ(&dst.Blocks, `-- billing.ProofQs, blocks
			select b.block_no, b.starts_at, b.seconds, b.rate, b.currency, b.prepaid, b.proof_at, b.charged_at,
				coalesce(i.number, '') as number, coalesce(l.position, 0) as position
			from usage_blocks b left join invoice_items l on l.id = b.invoice_item_id left join invoices i on i.id = l.invoice_id and i.status <> 'draft'
			where b.session_id = $1 and b.user_id = $2 and b.block_no > $3
			order by b.block_no
			limit $4`, session, userID, after, limit),
		tenants.ListQ(&dst.Prices, `-- billing.ProofQs, prices
			select a.at, a.detail
			from kasm_usage_sessions s join audit_log a on a.action = 'plan.changed' and a.subject = s.service_type
			where s.id = $1 and s.user_id = $2
			order by a.id desc
			limit 20`, session, userID),
		tenants.ListQ(&dst.Credits, `-- billing.ProofQs, credit notes
			select distinct c.number, c.total, c.currency, c.reason, c.created_at
			from credit_note_items n join credit_notes c on c.id = n.credit_note_id
			where n.session_id = $1 and c.user_id = $2
			order by c.created_at`, session, userID),
	}
}
