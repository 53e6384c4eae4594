package activity

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

var noon = time.Date(2025, time.March, 20, 12, 0, 0, 0, time.UTC)

type world struct {
	*Service
	t    *testing.T
	shop tenants.Tenant
}

func newWorld(t *testing.T) world {
	db, shop := tenanttest.New(t)
	return world{New(db), t, shop}
}

// in writes into the shop's log, on the provider's.
func (w world) in(at time.Time, actor, action, subject, detail string) {
	w.t.Helper()
	err := w.db.In(w.t.Context(), w.shop, func(tx tenants.Tx) error {
		_, err := tx.Exec(w.t.Context(), `insert into audit_log (at, actor, action, subject, detail) values ($1, $2, $3, $4, $5::text::jsonb)`, at, actor, action, subject, detail)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w world) on(shop tenants.Tenant, at time.Time, actor, action string) {
	w.t.Helper()
	err := w.db.Central(w.t.Context(), func(tx tenants.CentralTx) error {
		_, err := tx.Exec(w.t.Context(), `insert into central.audit_log (at, actor, tenant_id, action) values ($1, $2, $3, $4)`, at, actor, shop.ID, action)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w world) person(email, role string) (id uuid.UUID) {
	w.t.Helper()
	err := w.db.In(w.t.Context(), w.shop, func(tx tenants.Tx) (err error) {
		id, err = tenants.Get[uuid.UUID](context.Background(), tx, "person", `insert into users (email, name, password_hash, role, created_at) values ($1, $2, '', $3, $4) returning id`, email, "Ada", role, noon)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w world) list(s Search) Page {
	w.t.Helper()
	page, err := w.List(w.t.Context(), w.shop, s)
	if err != nil {
		w.t.Fatal(err)
	}
	return page
}

func actions(entries []Entry) (list []string) {
	for _, e := range entries {
		list = append(list, e.Action)
	}
	return list
}

func TestBothLogsAreOneList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	from := noon.Add(time.Hour) // after what the shop's creation wrote, which is of another day
	for i := range 10 {         // several of one moment, in both logs
		w.in(from.Add(time.Duration(i/3)*time.Minute), "system", fmt.Sprintf("plan.own%d", i), "", `{}`)
		w.on(w.shop, from.Add(time.Duration(i/3)*time.Minute), "op@ezscale.test", fmt.Sprintf("tenant.theirs%d", i))
	}
	all := Search{From: from, To: from.Add(time.Hour)}
	want := actions(w.list(all).Entries)
	if len(want) != 20 || want[0] != "plan.own9" || want[1] != "tenant.theirs9" || !slices.Equal(want[2:5], []string{"plan.own8", "plan.own7", "plan.own6"}) {
		t.Fatalf("got %v", want)
	}
	for _, limit := range []int{1, 3, 7, 19, 20} {
		var got []string
		search := all
		for search.Limit = limit; ; {
			page := w.list(search)
			got = append(got, actions(page.Entries)...)
			if search.Cursor = page.Next; page.Next == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d a page: got %v, want %v", limit, got, want)
		}
	}
	for _, cursor := range []string{"x", "MS4y", "LTEuMC4x", "MTIuNS4x"} {
		if _, err := w.List(t.Context(), w.shop, Search{Cursor: cursor}); !fail.Is(err, fail.BadRequest) {
			t.Errorf("%s: got %v", cursor, err)
		}
	}
}

func TestTheListIsSearchedAndNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, ada := w.person("boss@example.com", "owner"), w.person("ada@example.com", "customer")
	_, other := tenanttest.New(t)
	w.in(noon, "user:"+boss.String(), "credit.granted", ada.String(), `{"amount": "20.00", "why": "50% off"}`)
	w.in(noon.AddDate(0, 0, 1), "user:"+ada.String(), "key.create", "", `{}`)
	w.in(noon.AddDate(0, 0, 2), "command line", "plan.changed", "business_basic", `{"version": 2, "clipboard": true, "gone": null}`)
	w.on(w.shop, noon.AddDate(0, 0, 3), "op@ezscale.test", "tenant.terms")
	w.on(other, noon.AddDate(0, 0, 3), "op@ezscale.test", "tenant.other")
	window := func(s Search) Search { s.From, s.To = noon, noon.AddDate(0, 0, 5); return s }
	for name, c := range map[string]struct {
		search Search
		want   []string
	}{
		"all":       {Search{}, []string{"tenant.terms", "plan.changed", "key.create", "credit.granted"}},
		"provider":  {Search{Who: ByProvider}, []string{"tenant.terms"}},
		"customers": {Search{Who: ByCustomers}, []string{"key.create"}},
		"programs":  {Search{Who: ByPrograms}, []string{"plan.changed"}},
		"person":    {Search{Who: boss.String()}, []string{"credit.granted"}},
		"nobody":    {Search{Who: "' or true --"}, nil},
		"kind":      {Search{Kind: "prices"}, []string{"plan.changed"}},
		"two kinds": {Search{Kind: "people"}, []string{"key.create"}},
		"text":      {Search{Text: "BUSINESS"}, []string{"plan.changed"}},
		"words":     {Search{Text: "credit granted"}, []string{"credit.granted"}},
		"percent":   {Search{Text: "50%"}, []string{"credit.granted"}},
		"wild card": {Search{Text: "_%"}, nil},
	} {
		if got := actions(w.list(window(c.search)).Entries); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	day := w.list(Search{From: noon.AddDate(0, 0, 1), To: noon.AddDate(0, 0, 2)})
	if got := actions(day.Entries); !slices.Equal(got, []string{"key.create"}) {
		t.Errorf("one day: got %v", got)
	}
	all := w.list(window(Search{})).Entries
	if e := all[3]; e.Email != "boss@example.com" || e.About != "ada@example.com" || e.Detail() != "amount 20.00, why 50% off" || e.Provider {
		t.Errorf("got %+v, %q", e, e.Detail())
	}
	if e := all[1]; e.Email != "" || e.Detail() != "clipboard yes, version 2" {
		t.Errorf("got %+v, %q", e, e.Detail())
	}
	if !all[0].Provider || all[0].Actor != "op@ezscale.test" {
		t.Errorf("got %+v", all[0])
	}
}
