package accounts

import (
	"testing"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

func TestVATNumbersByPattern(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ number, country, want string }{
		{"", "", ""}, {"de 123 456 789", "DE", "DE123456789"}, {"123456789", "DE", "DE123456789"}, {"GR123456789", "GR", "EL123456789"},
		{"EL123456789", "GR", "EL123456789"}, {"IE1234567X", "IE", "IE1234567X"}, {"ATU12345678", "AT", "ATU12345678"}, {"FRXX999999999", "FR", "FRXX999999999"},
		{"NL123456789B01", "NL", "NL123456789B01"}, {"XI123456789", "GB", "XI123456789"}, {"GB123456789", "GB", "GB123456789"}, {"CHE-123.456.789", "CH", "CHE123456789"},
	} {
		if got, problem := NormalVAT(c.number, c.country); got != c.want || problem != "" {
			t.Errorf("%q of %q: got %q, %q, want %q", c.number, c.country, got, problem, c.want)
		}
	}
	for _, c := range []struct{ number, country string }{{"DE123", "DE"}, {"DE123456789", ""}, {"FR123456789", "DE"}, {"AT12345678", "AT"}, {"IE!", "IE"}, {"12", "US"}} {
		if got, problem := NormalVAT(c.number, c.country); problem == "" || got != c.number {
			t.Errorf("%q of %q: got %q, %q, want it refused as it was typed", c.number, c.country, got, problem)
		}
	}
}

func TestEveryCountryIsListedOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range Countries() {
		if len(c.Code) != 2 || c.Name == "" || seen[c.Code] {
			t.Errorf("got %+v", c)
		}
		seen[c.Code] = true
	}
	if len(seen) != 249 || CountryName("IE") != "Ireland" || CountryName("ZZ") != "" {
		t.Errorf("got %d countries", len(seen))
	}
}

func TestLimitsAndDetailsR15(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.customer("ada@example.test")
	limit := func(s string) *decimal.Decimal { d := decimal.RequireFromString(s); return &d }
	for field, l := range map[string]Limits{
		"monthly_cap": {MonthlyCap: limit("-1")}, "low_credit": {LowCredit: limit("0.001")}, "warn_percent": {WarnPercent: []int{0}},
	} {
		wantField(t, w.SetLimits(w.ctx(), w.shop, "test", ada.ID, l), field)
	}
	if err := w.SetLimits(w.ctx(), w.shop, "test", ada.ID, Limits{MonthlyCap: limit("10"), WarnPercent: []int{90, 50, 90}, LowCredit: limit("2")}); err != nil {
		t.Fatal(err)
	}
	wantField(t, w.SetDetails(w.ctx(), w.shop, "test", ada.ID, Details{Country: "XX"}), "country")
	wantField(t, w.SetDetails(w.ctx(), w.shop, "test", ada.ID, Details{Country: "DE", VATNumber: "DE1"}), "vat_number")
	wantField(t, w.SetDetails(w.ctx(), w.shop, "test", ada.ID, Details{Company: "a\nb"}), "company")
	if err := w.SetDetails(w.ctx(), w.shop, "test", ada.ID, Details{Company: " Analytical Engines ", Address: "1 Main St\r\nDublin", Country: "ie", VATNumber: "ie 1234567x"}); err != nil {
		t.Fatal(err)
	}
	p := w.profile(ada.ID)
	if !p.MonthlyCap.Equal(*limit("10")) || len(p.WarnPercent) != 2 || p.WarnPercent[0] != 50 || !p.LowCredit.Equal(*limit("2")) {
		t.Errorf("got %+v", p)
	}
	if p.Company != "Analytical Engines" || p.Address != "1 Main St\nDublin" || p.Country != "IE" || p.VATNumber != "IE1234567X" {
		t.Errorf("got %+v", p)
	}
	if n := w.announced("limits.changed", ada.ID); n != 1 {
		t.Errorf("limits.changed was announced %d times, want 1", n)
	}
	wantKind(t, w.SetLimits(w.ctx(), w.shop, "test", uuid.New(), Limits{}), fail.NotFound)
}

func TestPayingLaterNeedsACardAndTheShopsWord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.customer("ada@example.test")
	wantField(t, w.SetPayMode(w.ctx(), w.shop, "test", ada.ID, "never"), "pay_mode")
	wantField(t, w.SetPayMode(w.ctx(), w.shop, "test", ada.ID, Postpaid), "pay_mode")
	w.run(`insert into payment_methods (user_id, processor_customer, processor_id, status, created_at) values ($1, 'cus_1', 'pm_1', 'active', now())`, ada.ID)
	if err := w.SetPayMode(w.ctx(), w.shop, "test", ada.ID, Postpaid); err != nil {
		t.Fatal(err)
	}
	if p := w.profile(ada.ID); p.PayMode != Postpaid || !p.PayModeChosen || !p.MayPostpay() {
		t.Errorf("got %+v", p)
	}
	w.run(`insert into settings (key, value) values ('postpaid_allowed', $1::text::jsonb) on conflict (key) do update set value = excluded.value`, "false")
	wantField(t, w.SetPayMode(w.ctx(), w.shop, "test", ada.ID, Postpaid), "pay_mode")
	if err := w.SetPayMode(w.ctx(), w.shop, "test", ada.ID, Prepaid); err != nil {
		t.Fatal(err)
	}
}

func (w *world) profile(id uuid.UUID) (p Profile) {
	w.t.Helper()
	if err := w.db.Read(w.ctx(), w.shop, ProfileQ(&p, id)); err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) run(sql string, args ...any) {
	w.t.Helper()
	err := w.db.In(w.ctx(), w.shop, func(tx tenants.Tx) error {
		_, err := tx.Exec(w.ctx(), "-- test\n"+sql, args...)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) announced(name string, user uuid.UUID) (n int) {
	w.t.Helper()
	err := w.db.CentralRead(w.ctx(), tenants.GetQ(&n, "count", `-- test
		select count(*)::int from central.outbox where subject = $1 and payload ->> 'user_id' = $2`, name, user.String()))
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}
