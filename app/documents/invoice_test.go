package documents

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ezscale/ezscale/app/billing"
)

var update = flag.Bool("update", false, "write the golden files anew")

func press(t testing.TB, d billing.Document, b Brand) []byte {
	t.Helper()
	file, err := new(Press).Invoice(d, b)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestInvoiceSaysAllThatItsPageSays(t *testing.T) {
	t.Parallel()
	file := press(t, sample(3), brand())
	golden(t, "invoice.txt", words(t, file))
	for _, part := range []string{"%PDF-", "/Title", "/Lang (en)", "%%EOF"} {
		if !bytes.Contains(file, []byte(part)) {
			t.Errorf("the file has no %q", part)
		}
	}
}

// R19: a finalised document never changes, and neither does its file.
func TestSameDocumentSameBytesR19(t *testing.T) {
	t.Parallel()
	one := new(Press)
	for _, d := range []billing.Document{sample(3), polish()} {
		first, err := one.Invoice(d, brand())
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				again, err := one.Invoice(d, brand())
				if err != nil || !bytes.Equal(first, again) {
					t.Errorf("drawn again beside others, the file differs (%v)", err)
				}
			})
		}
		all.Wait()
		if !bytes.Equal(first, press(t, d, brand())) {
			t.Error("another press draws another file")
		}
	}
}

func polish() billing.Document {
	d := sample(2)
	d.Invoice.BillTo.Name, d.Invoice.BillTo.Company = "Zażółć Gęślą Jaźń", "Ελληνικά Κόμπανι"
	d.Invoice.BillTo.Address = "улица Ленина 5\nשדרות רוטשילד\nՀայաստան"
	return d
}

func TestNamesInAnyLetters(t *testing.T) {
	t.Parallel()
	text := words(t, press(t, polish(), brand()))
	for _, want := range []string{"Zażółć Gęślą Jaźń", "Ελληνικά Κόμπανι", "улица Ленина 5", "Հայաստան", "NW-2026-000007"} {
		if !strings.Contains(text, want) {
			t.Errorf("the file does not say %q:\n%s", want, text)
		}
	}
	odd := sample(1)
	odd.Invoice.BillTo.Name = "Zoe\u0301 \U0001F600\x00\u202e Tab\there \xff"
	if text := words(t, press(t, odd, brand())); !strings.Contains(text, "Zoé \ufffd Tab here") {
		t.Errorf("odd letters are drawn as\n%s", text)
	}
}

func TestLongStatementsGoOverPages(t *testing.T) {
	t.Parallel()
	text := words(t, press(t, sample(300), brand()))
	for _, want := range []string{"Page 1 of 7", "Page 7 of 7"} {
		if !strings.Contains(text, want) {
			t.Errorf("the file does not say %q", want)
		}
	}
	if n := strings.Count(text, "Developer Basic - Oct"); n != 300 {
		t.Errorf("%d sessions stand in the statement, want 300", n)
	}
	many := words(t, press(t, sample(maxEntries+5), brand()))
	if !strings.Contains(many, "5 more sessions of this line") {
		t.Error("a cut statement does not say that it is cut")
	}
}

func TestStandingsAreSaid(t *testing.T) {
	t.Parallel()
	d := sample(1)
	d.Invoice.Status, d.Invoice.VoidReason = billing.Void, "Issued to the wrong company."
	if text := words(t, press(t, d, brand())); !strings.Contains(text, "Issued to the wrong company.") || strings.Contains(text, "IBAN") {
		t.Errorf("a void invoice says\n%s", text)
	}
	d = sample(1)
	at := d.Invoice.FinalisedAt
	d.Invoice.Status, d.Invoice.PaidAt = billing.Paid, &at
	if text := words(t, press(t, d, brand())); strings.Contains(text, "How to pay") || !strings.Contains(text, "Paid") {
		t.Errorf("a paid invoice says\n%s", text)
	}
}

// Aim: 200 a second on two cores.
func BenchmarkInvoice(b *testing.B) {
	for name, d := range map[string]billing.Document{"western": sample(20), "other letters": polish()} {
		b.Run(name, func(b *testing.B) {
			shared := new(Press)
			size := len(press(b, d, brand()))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := shared.Invoice(d, brand()); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "documents/s")
			b.ReportMetric(float64(size), "bytes")
		})
	}
}
