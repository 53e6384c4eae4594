package web

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/accounts"
)

var november = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

// billed is a customer with three sessions in October on one invoice.
func billed(w *world) (d desktops, b *browser, number string) {
	d, ada, b := w.ada(w.t)
	desk := d.order(ada, "developer_basic")
	for day := 1; day <= 3; day++ {
		d.ran(desk, time.Date(2026, time.October, day, 9, 0, 0, 0, time.UTC), 22*time.Minute)
	}
	return d, b, d.bill(november)[0].Number
}

// credited gives back a part of an invoice.
func (d desktops) credited(number, note string) {
	d.t.Helper()
	d.exec(`with c as (
			insert into credit_notes (number, invoice_id, user_id, cause, reason, currency, net, tax, total, to_credit, bill_to, seller, created_at)
			select $2, i.id, i.user_id, 'test:' || $2, 'A session was shorter than billed.', i.currency, 0.04, 0, 0.04, 0.04, i.bill_to, i.seller, i.finalised_at
			from invoices i where i.number = $1 returning id, invoice_id)
		insert into credit_note_items (credit_note_id, position, invoice_item_id, session_id, description, blocks, amount)
		select c.id, 1, l.id, (select session_id from usage_blocks where invoice_item_id = l.id order by starts_at limit 1), 'Developer Basic - Oct 01, 2026: one block less', 1, 0.04
		from c join invoice_items l on l.invoice_id = c.invoice_id where l.position = 1`, number, note)
}

func TestALineIsExplainedDownToItsProofsR20(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, b, number := billed(w)
	d.price("developer_basic", "0.30")
	line := "/invoices/" + number + "/lines/1"
	b.get("/invoices/"+number).want(200).find("a", "href", line)
	page := b.get(line).want(200).says("Line 1 of "+number, "6 blocks of 15 minutes", "Rounded once", "$0.23", "Developer Basic - Oct 02, 2026 (30 minutes @ $0.15/hour)", "you", "stopped by you", "$0.075")
	session := ""
	for _, a := range page.all("a") {
		if href, _ := attrOf(a, "href"); strings.HasPrefix(href, "/sessions/") {
			session = href
		}
	}
	proof := b.get(session).want(200).says("Oct 3, 2026, 09:00:00.000", "by you", "stopped by you", "version 1 of the plan", "2 blocks of 15 minutes, exactly $0.075", "Proven to run", "$0.0375",
		number, "line 1", "Version 2", "$0.30 an hour since")
	proof.find("a", "href", line)
	b.get("/sessions").want(200).find("a", "href", session)
	for _, path := range []string{"/invoices/" + number + "/lines/2", "/invoices/" + number + "/lines/x", "/invoices/none/lines/1", "/sessions/none/blocks"} {
		b.get(path).want(404)
	}
	other := w.person(w.a, "eve@example.com", accounts.Customer)
	eve := w.at(w.a).signIn("", other.Email)
	for _, path := range []string{line, session, "/invoices/" + number, "/invoices/" + number + ".pdf", "/invoices/" + number + ".csv", "/invoices/" + number + ".json"} {
		eve.get(path).want(404)
	}
}

func TestAnInvoiceAsFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, b, number := billed(w)
	d.credited(number, "CN-2026-000001")
	pdf := b.get("/invoices/" + number + ".pdf").want(200)
	if kind := pdf.header.Get("Content-Type"); kind != "application/pdf" || !strings.HasPrefix(pdf.body, "%PDF-") {
		t.Errorf("the PDF comes as %q", kind)
	}
	if again := b.get("/invoices/" + number + ".pdf"); again.body != pdf.body {
		t.Error("the same invoice gives another file")
	}
	rows, err := csv.NewReader(strings.NewReader(b.get("/invoices/" + number + ".csv").want(200).body)).ReadAll()
	if err != nil || len(rows) != 4 || rows[2][13] != "Developer Basic - Oct 02, 2026 (30 minutes @ $0.15/hour)" || rows[2][16] != "0.075" {
		t.Errorf("the CSV reads %q, %v", rows, err)
	}
	var got struct {
		Number         string
		Kind           string
		AmountDue      string                           `json:"amount_due"`
		PrepaidApplied string                           `json:"prepaid_applied"`
		CreditNotes    []struct{ Number, Total string } `json:"credit_notes"`
		Lines          []struct {
			Kind      string
			Statement []struct{ Text string }
		}
	}
	if err := json.Unmarshal([]byte(b.get("/invoices/"+number+".json").want(200).body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Number != number || got.Kind != "cycle" || got.AmountDue != "0.00" || len(got.CreditNotes) != 1 || got.CreditNotes[0].Total != "0.04" || len(got.Lines[0].Statement) != 3 {
		t.Errorf("the JSON says %+v", got)
	}
	all := b.get("/invoices.csv?from=2026-11&to=2026-11-30").want(200).body
	if !strings.Contains(all, number) || strings.Count(all, "\r\n") != 2 {
		t.Errorf("all invoices read\n%s", all)
	}
	if none := b.get("/invoices.csv?to=2026-10").want(200).body; strings.Contains(none, number) {
		t.Errorf("an invoice of November stands among those up to October:\n%s", none)
	}
	b.get("/invoices.json?from=2026-11").want(200).says(number)
	b.get("/invoices.csv?from=nonsense").want(422)
	if statement := b.get("/usage.pdf?month=2026-10").want(200); !strings.HasPrefix(statement.body, "%PDF-") {
		t.Error("the statement of a month is no PDF")
	}
	w.person(w.a, "staff@a.test", accounts.Staff)
	if shop := w.at(w.a).signIn("", "staff@a.test").get("/reseller/invoices.csv").want(200); !strings.Contains(shop.body, number+",Ada Lovelace,ada@example.com") {
		t.Errorf("the shop's invoices read\n%s", shop.body)
	}
	b.get("/reseller/invoices.csv").want(404)
}

func TestACreditNoteIsADocumentOfItsOwnR19(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, b, number := billed(w)
	d.credited(number, "CN-2026-000001")
	b.get("/invoices/"+number).want(200).says("Credit notes", "CN-2026-000001", "A session was shorter than billed.").find("a", "href", "/credit-notes/CN-2026-000001")
	b.get("/credit-notes/CN-2026-000001").want(200).says("A session was shorter than billed.", "one block less", "Total given back", "$0.04", "Added to your credit").find("a", "href", "/invoices/"+number)
	if pdf := b.get("/credit-notes/CN-2026-000001.pdf").want(200); !strings.HasPrefix(pdf.body, "%PDF-") {
		t.Error("the credit note is no PDF")
	}
	b.get("/credit-notes/CN-2026-000002").want(404)
	b.get("/credit-notes/CN-2026-000001.csv").want(404)
}

// A customer with a hundred thousand blocks gets each page in at most three round
// trips, and in the time that people notice.
func TestPagesOfACustomerWithManyBlocks(t *testing.T) {
	t.Parallel()
	var trips atomic.Int64
	w := newWorld(t, counting(t, &trips))
	d, b, number := billed(w)
	d.exec(`with s as (
			insert into kasm_usage_sessions (kasm_workspace_id, user_id, run, desktop_id, plan_id, plan_version, plan_name, service_type, cost_per_hour, wholesale_cost_per_hour,
				block_seconds, currency, started_by, ended_by, started_at, last_proof_at, stopped_at, created_at)
			select k.kasm_workspace_id, k.user_id, 100 + n, 'many', k.plan_id, 1, k.plan_name, k.service_type, k.cost_per_hour, k.wholesale_cost_per_hour, 60, k.currency, 'api', 'api',
				k.started_at - n * interval '25 minutes', k.started_at - n * interval '25 minutes', k.started_at - n * interval '25 minutes' + interval '20 minutes', k.started_at
			from (select * from kasm_usage_sessions order by started_at limit 1) k, generate_series(1, 5000) n
			returning id, user_id, started_at, cost_per_hour, currency)
		insert into usage_blocks (session_id, block_no, user_id, starts_at, seconds, rate, wholesale_rate, currency, proof_at, charged_at)
		select s.id, n, s.user_id, s.started_at + n * interval '1 minute', 60, s.cost_per_hour, 0, s.currency, s.started_at, s.started_at
		from s, generate_series(0, 19) n`)
	d.exec(`update usage_blocks set invoice_item_id = (select id from invoice_items limit 1) where invoice_item_id is null`)
	d.exec(`analyze usage_blocks`)
	for _, path := range []string{"/invoices/" + number, "/invoices/" + number + "/lines/1", "/invoices", "/sessions"} {
		for range 12 {
			b.get(path).want(200)
		}
		least, quickest := int64(1000), time.Hour
		for range 5 {
			before, began := trips.Load(), time.Now()
			b.get(path).want(200)
			least, quickest = min(least, trips.Load()-before), min(quickest, time.Since(began))
		}
		if least > 3 || quickest > 2*time.Second {
			t.Errorf("%s: %d round trips in %s", path, least, quickest)
		}
	}
	seen, path := map[string]bool{}, fmt.Sprintf("/invoices/%s/lines/1", number)
	for range 3 {
		page := b.get(path).want(200)
		for _, a := range page.all("a") {
			if href, _ := attrOf(a, "href"); strings.HasPrefix(href, "/sessions/") {
				if seen[href] {
					t.Errorf("%s stands on two pages", href)
				}
				seen[href] = true
			} else if strings.HasPrefix(textOf(a), "Later") {
				path = href
			}
		}
	}
	if len(seen) != 3*lineSessionsPerPage {
		t.Errorf("%d sessions on three pages", len(seen))
	}
}
