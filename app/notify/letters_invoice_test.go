package notify

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// paper draws what says its own name.
type paper struct{}

func (paper) Invoice(_ context.Context, _ tenants.Tenant, _ uuid.UUID, number string) ([]byte, error) {
	return []byte("invoice " + number), nil
}

func (paper) CreditNote(_ context.Context, _ tenants.Tenant, _ uuid.UUID, number string) ([]byte, error) {
	return []byte("credit note " + number), nil
}

// R18: each document's letter goes once, with the document.
func TestLettersOfDocumentsGoOnceWithTheDocumentR18(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Papers = paper{}
	invoice, note := uuid.New(), uuid.New()
	month := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	w.exec(`-- invoice
		insert into invoices (id, user_id, number, status, period_start, period_end, currency, subtotal, total, credit_applied, amount_due, due_date, created_at, finalised_at)
		values ($1, $2, 'NW-0001', 'open', $3, $4, 'USD', 12.35, 12.35, 10, 2.35, '2026-11-15', $4, $4)`, invoice, w.user.ID, month, month.AddDate(0, 1, 0))
	w.exec(`-- credit note
		insert into credit_notes (id, number, invoice_id, user_id, cause, reason, currency, net, tax, total, to_invoice, to_credit, created_at)
		values ($1, 'CN-0001', $2, $3, 'test', 'A session was shorter than billed.', 'USD', 3, 0, 3, 2.35, 0.65, $4)`, note, invoice, w.user.ID, month.AddDate(0, 1, 1))
	for range 2 {
		if err := w.OnInvoice(t.Context(), w.event("invoice.finalised", map[string]any{"invoice_id": invoice, "number": "NW-0001"})); err != nil {
			t.Fatal(err)
		}
		if err := w.OnInvoice(t.Context(), w.event("credit_note.issued", map[string]any{"invoice_id": invoice, "credit_note_id": note, "number": "CN-0001"})); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []struct {
		name, data string
		says       []string
	}{
		{"NW-0001.pdf", "invoice NW-0001", []string{"Paid from your credit: $10.00", "To pay: $2.35"}},
		{"CN-0001.pdf", "credit note CN-0001", []string{"A session was shorter than billed.", "Given back: $3.00", "Off what the invoice still asks for: $2.35", "Added to your credit: $0.65", "/credit-notes/CN-0001"}},
	} {
		got := w.letters(2)[i]
		if len(got.Files) != 1 || got.Files[0].Name != want.name || string(got.Files[0].Data) != want.data {
			t.Errorf("the letter carries %+v", got.Files)
		}
		for _, part := range want.says {
			if !strings.Contains(got.Text, part) {
				t.Errorf("%q is missing in\n%s", part, got.Text)
			}
		}
	}
}
