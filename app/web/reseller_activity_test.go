package web

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/tenants"
)

func TestTheConsoleTellsWhoDidWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss := w.person(w.a, "boss@example.com", accounts.Owner)
	w.person(w.a, "stan@example.com", accounts.Staff)
	w.person(w.a, "ada@example.com", accounts.Customer)
	w.person(w.b, "far@example.com", accounts.Owner)
	owner := w.at(w.a).signIn("/reseller", "boss@example.com")
	owner.post("/reseller/pricing", url.Values{"type": {"business_basic"}, "price_per_hour": {"0.25"}}).goesTo("/reseller/pricing")
	w.central().signIn("/admin", w.operator().Email).post("/admin/resellers/"+w.a.Slug+"/terms", url.Values{"discount": {"5"}}).want(303)
	w.at(w.b).signIn("/reseller", "far@example.com").post("/reseller/pricing", url.Values{"type": {"business_pro"}, "price_per_hour": {"0.99"}}).goesTo("/reseller/pricing")

	w.at(w.a).signIn("", "ada@example.com").get("/reseller/audit").want(404)
	stan := w.at(w.a).signIn("/reseller", "stan@example.com")
	stan.get("/reseller/audit").want(200).says("Plan changed", "business_basic", "boss@example.com", "Wholesale terms changed", "The provider", "Account made").hides("business_pro", "0.99", "far@example.com")
	stan.get("/reseller/audit?about=prices&who="+boss.ID.String()).want(200).says("Plan changed").hides("Wholesale terms changed", "Account made")
	stan.get("/reseller/audit?who=provider").want(200).says("Wholesale terms changed").hides("Plan changed")
	wrong := stan.get("/reseller/audit?from=yesterday&q=plan").want(422).says("Give a day such as")
	if wrong.value("q") != "plan" {
		t.Error("the search is lost")
	}
	stan.get("/reseller/audit?from=2001-01-01&to=2001-01-31").want(200).says("Nothing found")
	stan.get("/reseller/audit?cursor=garbage").want(400)

	file := stan.get("/reseller/audit.csv?about=prices").want(200)
	if lines := strings.Split(strings.TrimSpace(file.body), "\n"); len(lines) != 2 || !strings.Contains(lines[1], "plan.changed,business_basic") || !strings.HasPrefix(file.header.Get("Content-Type"), "text/csv") {
		t.Errorf("got %q", file.body)
	}
}

func TestTheActivityGoesOnPageByPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "boss@example.com", accounts.Owner)
	owner := w.at(w.a).signIn("/reseller", "boss@example.com")
	w.in(w.a, func(ctx context.Context, tx tenants.Tx) error {
		_, err := tx.Exec(ctx, `insert into audit_log (at, actor, action, subject) select $1::timestamptz - n * interval '1 minute', 'system', 'test.line', 'line-' || n from generate_series(1, 2345) n`, noon)
		return err
	})
	first := owner.get("/reseller/audit?q=test+line").want(200).says("line-1", "line-50").hides("line-51<")
	older := ""
	for _, a := range first.all("a") {
		if strings.Contains(textOf(a), "Older") {
			older, _ = attrOf(a, "href")
		}
	}
	owner.get(older).want(200).says("line-51", "line-100").hides("line-50<")
	file := owner.get("/reseller/audit.csv?q=test+line").want(200)
	if n := strings.Count(file.body, "\n"); n != 2346 {
		t.Errorf("the file has %s", fmt.Sprint(n))
	}
}
