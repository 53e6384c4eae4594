package documents

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
	"time"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/money"
)

// table is a CSV file (RFC 4180): commas, lines that end in CR LF, quotes where
// they are needed, and a first line of names.
type table struct {
	out bytes.Buffer
	csv *csv.Writer
}

func newTable(names ...string) *table {
	t := &table{}
	t.csv = csv.NewWriter(&t.out)
	t.csv.UseCRLF = true
	t.row(names...)
	return t
}

func (t *table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = inert(cell)
	}
	_ = t.csv.Write(cells) // a buffer takes everything; bytes reports what it did not
}

func (t *table) bytes() ([]byte, error) {
	t.csv.Flush()
	return t.out.Bytes(), t.csv.Error()
}

// inert keeps a spreadsheet from taking a text for a formula: what would begin one
// gets an apostrophe before it. Numbers, negative ones too, stay as they are.
func inert(cell string) string {
	if cell == "" || !strings.ContainsRune("=+-@\t\r\n|%＝＋－＠", []rune(cell)[0]) {
		return cell
	}
	if strings.Trim(cell[1:], "0123456789.") == "" && (cell[0] == '-' || cell[0] == '+') && len(cell) > 1 {
		return cell
	}
	return "'" + cell
}

func stampOf(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// InvoiceCSV is one invoice with a row for each session under each line; a line
// without sessions has one row of its own.
func InvoiceCSV(d billing.Document, zone *time.Location) ([]byte, error) {
	t := newTable("invoice", "line", "kind", "description", "workspace_type", "cost_per_hour", "line_blocks", "line_amount", "line_discount", "tax_name", "tax_percent",
		"currency", "session_id", "session", "started_at", "session_blocks", "session_exact")
	for _, l := range d.Lines {
		head := []string{d.Invoice.Number, strconv.Itoa(l.Position), string(l.Kind), l.Description, l.WorkspaceType, money.API(l.CostPerHour, l.Currency),
			strconv.FormatInt(l.Blocks, 10), l.API(), money.API(l.Discount, l.Currency), l.TaxName, l.TaxPercent.String(), l.Currency}
		entries := d.Statement(l)
		if len(entries) == 0 {
			t.row(append(head, "", "", "", "", "")...)
		}
		for _, e := range entries {
			t.row(append(append([]string{}, head...), e.SessionID.String(), e.Text(zone), stampOf(e.StartedAt), strconv.FormatInt(e.Blocks, 10), e.Amount())...)
		}
	}
	return t.bytes()
}

// InvoicesCSV is a row for each of a customer's invoices.
func InvoicesCSV(invoices []billing.Invoice) ([]byte, error) {
	t := newTable(append([]string{"invoice"}, figures()...)...)
	for _, i := range invoices {
		t.row(append([]string{i.Number}, figuresOf(i)...)...)
	}
	return t.bytes()
}

// ShopCSV is a row for each of a shop's invoices, with whom it is for.
func ShopCSV(invoices []billing.Invoice) ([]byte, error) {
	t := newTable(append([]string{"invoice", "customer", "email", "company", "country", "vat_number"}, figures()...)...)
	for _, i := range invoices {
		t.row(append([]string{i.Number, i.BillTo.Name, i.BillTo.Email, i.BillTo.Company, i.BillTo.Country, i.BillTo.VATNumber}, figuresOf(i)...)...)
	}
	return t.bytes()
}

// figures name the columns of figuresOf.
func figures() []string {
	return []string{"kind", "status", "date", "period_start", "period_end", "due_date", "paid_at", "currency", "subtotal", "discount", "tax", "total",
		"prepaid_applied", "bonus_applied", "credit_applied", "paid_amount", "credited", "amount_due"}
}

func figuresOf(i billing.Invoice) []string {
	paid := ""
	if i.PaidAt != nil {
		paid = stampOf(*i.PaidAt)
	}
	return []string{i.Kind, string(i.Status), stampOf(i.FinalisedAt), stampOf(i.PeriodStart), stampOf(i.PeriodEnd), i.DueDate.Format(time.DateOnly), paid, i.Currency,
		i.API(i.Subtotal), i.API(i.Discount), i.API(i.Tax), i.API(i.Total), i.API(i.PrepaidApplied), i.API(i.BonusApplied), i.API(i.CreditApplied),
		i.API(i.PaidAmount), i.API(i.Credited), i.API(i.AmountDue)}
}
