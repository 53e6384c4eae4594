package web

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/erasure"
	"github.com/ezscale/ezscale/tenants"
)

// goOn does what the due time of an erasure does.
func (w *world) goOn(t tenants.Tenant, user uuid.UUID) {
	w.t.Helper()
	m := &bus.Message{Tenant: t, Name: erasure.DueErasure + ".due", Key: user.String()}
	if err := w.deps.Erasure.OnDue(w.t.Context(), m); err != nil {
		w.t.Fatal(err)
	}
}

// mentions finds every column of a shop and of the provider that holds a text, be it
// written out or inside bytes.
func (w *world) mentions(t tenants.Tenant, text string) []string {
	w.t.Helper()
	shop := func(q ...tenants.Query) error { return w.deps.DB.Read(w.t.Context(), t, q...) }
	provider := func(q ...tenants.Query) error { return w.deps.DB.CentralRead(w.t.Context(), q...) }
	return append(w.holding(t.Schema(), text, shop), w.holding("central", text, provider)...)
}

func (w *world) holding(schema, text string, read func(...tenants.Query) error) (found []string) {
	w.t.Helper()
	var columns []string
	err := read(tenants.ListQ(&columns, `-- columns that may hold a name
		select format('%I.%I', c.table_name, c.column_name) from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
		where c.table_schema = $1 and t.table_type = 'BASE TABLE' and c.data_type in ('text', 'jsonb', 'json', 'bytea', 'character varying', 'ARRAY')
		  and has_column_privilege(format('%I.%I', c.table_schema, c.table_name), c.column_name, 'select')`, schema))
	if err != nil || len(columns) < 20 {
		w.t.Fatalf("the columns of %s are %v, %v", schema, columns, err)
	}
	var asked []string
	for _, column := range columns {
		table, name, _ := strings.Cut(column, ".")
		asked = append(asked, fmt.Sprintf(`select '%s' where exists (select from %s.%s x where strpos(lower(x.%s::text), lower($1)) > 0 or strpos(x.%s::text, encode(convert_to($1, 'UTF8'), 'hex')) > 0)`, column, schema, table, name, name))
	}
	if err := read(tenants.ListQ(&found, strings.Join(asked, " union all "), text)); err != nil {
		w.t.Fatal(err)
	}
	return found
}

func TestAForgottenPersonIsFoundNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name, email := "Quirina Vanderzee"+uuid.NewString()[:6], "quirina."+uuid.NewString()[:8]+"@example.com"
	her := w.person(w.a, email, accounts.Customer)
	if _, err := w.deps.Accounts.ChangeName(t.Context(), w.a, her.ID, name); err != nil {
		t.Fatal(err)
	}
	if err := w.deps.Accounts.SetDetails(t.Context(), w.a, "user:"+her.ID.String(), her.ID, accounts.Details{Company: name + " Ltd", Address: "1 " + name + " Street", Country: "NL"}); err != nil {
		t.Fatal(err)
	}
	browser := w.at(w.a).signIn("", email)
	browser.post("/settings/keys", url.Values{"name": {name + "'s laptop"}})
	w.link(w.a, her.ID, accounts.PurposeReset)
	boss := w.person(w.a, "boss@example.com", accounts.Owner)
	staff := w.person(w.a, "staff@example.com", accounts.Staff)
	owner := w.at(w.a).signIn("/reseller", boss.Email)
	path := "/reseller/customers/" + her.ID.String()
	owner.post(path+"/suspend", url.Values{"reason": {"asked by " + email}}).goesTo(path)
	owner.post(path+"/resume", url.Values{"reason": {"fine"}}).goesTo(path)
	owner.post(path+"/act", url.Values{"reason": {"looking for a fault"}})
	if len(w.mentions(w.a, email)) < 2 || len(w.mentions(w.a, name)) < 3 {
		t.Fatalf("the person is hardly known: %v, %v", w.mentions(w.a, email), w.mentions(w.a, name))
	}

	// Only an owner, only with the address, only without money at stake.
	w.at(w.a).signIn("/reseller", staff.Email).post(path+"/erase", url.Values{"erase_email": {email}}).want(403)
	if got := owner.post(path+"/erase", url.Values{"erase_email": {"other@example.com"}}).want(422); got.fieldError("erase_email") == "" || got.value("erase_email") != "other@example.com" {
		t.Error("a wrong address is not told, or is lost")
	}
	w.grant(email, "5")
	owner.post(path+"/erase", url.Values{"erase_email": {email}}).want(422).says("There is credit left.")
	owner.post(path+"/erase", url.Values{"erase_email": {" " + strings.ToUpper(email)}, "leave_credit": {"on"}}).goesTo(path)
	owner.post(path+"/erase", url.Values{"erase_email": {email}}).goesTo(path)
	browser.get("/settings/cards").want(303)

	w.goOn(w.a, her.ID)
	payload := fmt.Sprintf(`{"user_id": %q}`, her.ID)
	if err := w.deps.Erasure.OnErased(t.Context(), &bus.Message{Tenant: w.a, Name: erasure.EventErased, Payload: []byte(payload)}); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{email, name} {
		if found := w.mentions(w.a, text); len(found) > 0 {
			t.Errorf("%q is still in %v", text, found)
		}
	}
	owner.get(path).want(200).says("This person was forgotten", "Erased customer").hides(name)
	if drift, err := w.deps.Ledger.Audit(t.Context(), w.a); err != nil || len(drift) > 0 {
		t.Errorf("the books: %v, %v", drift, err)
	}
	w.person(w.a, email, accounts.Customer) // the address is free again
}

func TestWhatHoldsAnErasureUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, ada, _ := w.ada(t)
	boss := w.person(w.a, "boss@example.com", accounts.Owner)
	owner := w.at(w.a).signIn("/reseller", boss.Email)
	d.ran(d.order(ada, "developer_basic"), noon.Add(-48*time.Hour), 40*time.Minute)
	path := "/reseller/customers/" + ada.ID.String()
	owner.post("/reseller/customers/"+boss.ID.String()+"/erase", url.Values{"erase_email": {boss.Email}}).want(409)
	owner.post(path+"/erase", url.Values{"erase_email": {ada.Email}, "leave_credit": {"on"}}).goesTo(path)
	w.goOn(w.a, ada.ID)
	owner.get(path).want(200).says("This person is about to be forgotten", ada.Name)
	var actions []string
	if err := w.deps.DB.Read(t.Context(), w.a, tenants.ListQ(&actions, `select action from audit_log where subject = $1 order by id`, ada.ID.String())); err != nil || !slices.Contains(actions, "user.erasure_asked") || slices.Contains(actions, "user.erased") {
		t.Errorf("the log has %v, %v", actions, err)
	}
}
