package activity

import (
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

const (
	entryColumns = `a.id, a.at, a.actor, a.action, a.subject, a.detail::text as detail`

	// of a log of rank $3, below the entry $1 (rank $2, id $4)
	below = `a.at <= $1 and (a.at < $1 or $3::int < $2::int or $3::int = $2::int and a.id < $4)
		  and ($5::timestamptz is null or a.at >= $5) and ($6::timestamptz is null or a.at < $6)
		  and ($7::text = '' or a.action like $7 or translate(a.action, '._', '  ') like $7 or lower(a.subject collate "C") like $7 or a.detail <> '{}' and lower(a.detail::text) like $7)
		  and ($8::text[] is null or split_part(a.action, '.', 1) = any ($8))`
	inOrder = `
		order by a.at desc, a.id desc limit $9`
)

func bounds(s Search) (from, to *time.Time) {
	if !s.From.IsZero() {
		from = &s.From
	}
	if !s.To.IsZero() {
		to = &s.To
	}
	return from, to
}

func shopQ(dst *[]Entry, s Search, p place, limit int) tenants.Query {
	from, to := bounds(s)
	return tenants.ListQ(dst, `-- activity.shop
		select `+entryColumns+` from audit_log a
		where `+below+`
		  and case $10::text when '' then true
			when 'customers' then exists (select from users u where a.actor = 'user:' || u.id::text and u.role = 'customer')
			when 'programs' then a.actor not like 'user:%'
			else a.actor = 'user:' || $10 end`+inOrder,
		p.at, p.rank, fromShop, p.id, from, to, s.pattern(), Kinds()[s.Kind], limit, s.Who)
}

func centralQ(dst *[]Entry, tenant uuid.UUID, s Search, p place, limit int) tenants.Query {
	from, to := bounds(s)
	return tenants.ListQ(dst, `-- activity.central
		select `+entryColumns+` from central.audit_log a
		where a.tenant_id = $10 and `+below+inOrder,
		p.at, p.rank, fromProvider, p.id, from, to, s.pattern(), Kinds()[s.Kind], limit, tenant)
}

type person struct {
	ID    uuid.UUID `db:"id"`
	Name  string    `db:"name"`
	Email string    `db:"email"`
}

func peopleQ(dst *[]person, ids []uuid.UUID) tenants.Query {
	return tenants.ListQ(dst, `-- activity.people
		select id, name, email from users where id = any ($1)`, ids)
}
