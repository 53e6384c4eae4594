package domains

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/idna"

	"github.com/ezscale/ezscale/tenants"
)

// The lists that an operator may look at.
const (
	All      = ""
	Pending  = "pending"  // nobody has proven it yet
	Failing  = "failed"   // its certificate could not be obtained or renewed
	Expiring = "expiring" // its certificate runs out soon, so its renewal is late
	Lapsed   = "lapsed"   // it no longer points at us
)

// expiringDays is when a certificate that was not renewed becomes a matter for
// people: it is renewed when a third of its life is left, which is 30 days of 90.
const expiringDays = 14

// Filter says which names an operator wants to see.
type Filter struct {
	State string
	Query string // part of a name, or of a shop's name or short name
	After Cursor
	Limit int
}

// Cursor is the last name of a page; the zero Cursor is before all of them.
type Cursor struct {
	Domain string
	ID     uuid.UUID
}

// Listed is a name and whose it is.
type Listed struct {
	Domain
	Slug string
	Shop string
}

// SearchQ reads one page of all names, in their order.
func (s *Service) SearchQ(dst *[]Listed, f Filter) tenants.Query {
	soon := s.Wall().Add(expiringDays * 24 * time.Hour)
	return tenants.ListQ(dst, `-- domains.search
		select `+columns+`, t.slug, t.name as shop
		from central.tenant_domains d
		join central.tenants t on t.id = d.tenant_id
		where (d.domain, d.id) > ($1, $2)
		  and ($3 = '' or position($3 in d.domain) > 0 or position($4 in d.domain) > 0 or position($3 in lower(t.name)) > 0 or position($3 in t.slug) > 0)
		  and case $5::text
		      when 'pending' then d.verified_at is null
		      when 'failed' then d.verified_at is not null and (d.ssl_status = 'failed' or d.ssl_failures > 0)
		      when 'expiring' then d.verified_at is not null and d.ssl_expires_at < $6
		      when 'lapsed' then d.lapsed_at is not null
		      else true end
		order by d.domain, d.id
		limit $7`, f.After.Domain, f.After.ID, strings.ToLower(strings.TrimSpace(f.Query)), punycode(f.Query), f.State, soon, f.Limit)
}

// punycode is how a name that somebody looks for is kept.
func punycode(typed string) string {
	typed = strings.ToLower(strings.TrimSpace(typed))
	if name, err := idna.Lookup.ToASCII(typed); err == nil && name != "" {
		return name
	}
	return typed
}

// Search reads one page of all names, in their order.
func (s *Service) Search(ctx context.Context, f Filter) (list []Listed, err error) {
	err = s.DB.CentralRead(ctx, s.SearchQ(&list, f))
	return list, err
}

// Totals are how many names there are of each list.
type Totals struct{ All, Pending, Failed, Expiring, Lapsed int }

// TotalsQ counts them in one pass.
func (s *Service) TotalsQ(dst *Totals) tenants.Query {
	return tenants.GetQ(dst, "installation", `-- domains.totals
		select count(*)::int as all, (count(*) filter (where verified_at is null))::int as pending,
		       (count(*) filter (where verified_at is not null and (ssl_status = 'failed' or ssl_failures > 0)))::int as failed,
		       (count(*) filter (where verified_at is not null and ssl_expires_at < $1))::int as expiring,
		       (count(*) filter (where lapsed_at is not null))::int as lapsed
		from central.tenant_domains`, s.Wall().Add(expiringDays*24*time.Hour))
}
