package documents

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"golang.org/x/text/encoding/charmap"

	"github.com/ezscale/ezscale/app/billing"
)

func dec(text string) decimal.Decimal { return decimal.RequireFromString(text) }

var newYork = func() *time.Location {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		return time.UTC
	}
	return zone
}()

func brand() Brand {
	return Brand{Company: "Northwind Desktops", Email: "help@northwind.test", Phone: "+1 212 555 0100", Colour: "#0f766e", Zone: newYork,
		Page: "https://northwind.example/invoices/NW-2026-000007"}
}

// sample is an invoice of a month with everything on it.
func sample(sessions int) billing.Document {
	start := time.Date(2026, time.October, 1, 4, 0, 0, 0, time.UTC)
	end := time.Date(2026, time.November, 1, 4, 0, 0, 0, time.UTC)
	first, second := uuid.UUID{1}, uuid.UUID{2}
	d := billing.Document{HowToPay: "IBAN DE89 3704 0044 0532 0130 00, Example Bank"}
	d.Invoice = billing.Invoice{Number: "NW-2026-000007", Kind: "cycle", Status: billing.Open, Currency: "USD", PeriodStart: start, PeriodEnd: end,
		Totals:         billing.Totals{Subtotal: dec("12.35"), Discount: dec("1.00"), Tax: dec("2.16"), Total: dec("13.51")},
		PrepaidApplied: dec("3.01"), BonusApplied: dec("1.00"), CreditApplied: dec("2.50"), Credited: dec("1.00"), AmountDue: dec("6.00"), CouponCode: "SPRING",
		DueDate: time.Date(2026, time.November, 8, 0, 0, 0, 0, time.UTC), FinalisedAt: end.Add(10 * time.Minute),
		BillTo: billing.Party{Company: "Analytical Engines Ltd", Name: "Ada Lovelace", Email: "ada@northwind.test", Address: "1 Main Street\nDublin 2", Country: "IE", VATNumber: "IE1234567X"},
		Seller: billing.Party{Name: "Northwind Desktops", Email: "help@northwind.test", Phone: "+1 212 555 0100"}}
	d.Lines = []billing.Line{
		{ID: first, Position: 1, Kind: billing.UsageLine, Description: "Developer Basic at $0.20/hour, October 2026", CostPerHour: dec("0.20"), BlockSeconds: 900, Blocks: 40,
			Quantity: dec("10"), Amount: dec("2.35"), Discount: dec("0.19"), TaxName: "VAT", TaxPercent: dec("19"), Currency: "USD"},
		{ID: second, Position: 2, Kind: billing.SubscriptionLine, Description: "Developer Basic, November 2026", Amount: dec("10.00"), Discount: dec("0.81"), TaxName: "VAT", TaxPercent: dec("19"), Currency: "USD"},
	}
	for n := range sessions {
		d.Entries = append(d.Entries, billing.Entry{ItemID: first, SessionID: uuid.UUID{9, byte(n >> 8), byte(n)}, PlanName: "Developer Basic", StartedAt: start.Add(time.Duration(n) * 11 * time.Minute),
			Blocks: 2, Seconds: 1800, Rate: dec("0.20"), Currency: "USD"})
	}
	d.Credits = []billing.CreditRef{{Number: "CN-2026-000001", Total: dec("1.00"), Currency: "USD", Reason: "A session was shorter than billed", CreatedAt: end.Add(48 * time.Hour)}}
	return d
}

var (
	streams = regexp.MustCompile(`(?s)/Length (\d+)[^>]*>>\s*stream\r?\n`)
	drawn   = regexp.MustCompile(`(?s)\(((?:\\.|[^\\()])*)\) Tj`)
)

// words reads a PDF as somebody would who selects its text: every string that is
// drawn, in its order, whichever cut of the font it is written in.
func words(t testing.TB, file []byte) string {
	t.Helper()
	whole := bytes.Contains(file, []byte("/Identity-H"))
	var out strings.Builder
	for _, at := range streams.FindAllSubmatchIndex(file, -1) {
		var length int
		if _, err := fmt.Sscan(string(file[at[2]:at[3]]), &length); err != nil || at[1]+length > len(file) {
			continue
		}
		z, err := zlib.NewReader(bytes.NewReader(file[at[1] : at[1]+length]))
		if err != nil {
			continue
		}
		content, err := io.ReadAll(z)
		if err != nil || !bytes.Contains(content, []byte(" Tj")) {
			continue
		}
		for _, m := range drawn.FindAllSubmatch(content, -1) {
			out.WriteString(unescape(m[1], whole) + "\n")
		}
	}
	return out.String()
}

func unescape(raw []byte, whole bool) string {
	var plain []byte
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+1 == len(raw) {
			plain = append(plain, raw[i])
			continue
		}
		i++
		switch raw[i] {
		case 'r':
			plain = append(plain, '\r')
		default:
			plain = append(plain, raw[i])
		}
	}
	if !whole {
		text, _ := charmap.Windows1252.NewDecoder().Bytes(plain)
		return string(text)
	}
	units := make([]uint16, len(plain)/2)
	for i := range units {
		units[i] = uint16(plain[2*i])<<8 | uint16(plain[2*i+1])
	}
	return string(utf16.Decode(units))
}
