package views

import (
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/money"
)

// LedgerProps is a page of the movements of a customer's credit.
type LedgerProps struct {
	Wallet
	Rows  []ledger.Traced
	Held  []ledger.HeldBlock
	First string // the newest page, when this is another one
	Older string // the next page, when there is one
}

func movementColumns() []Column {
	return []Column{{Label: "What"}, {Label: "When"}, {Label: "Amount", End: true}, {Label: "Balance", End: true}}
}

func heldColumns() []Column {
	return []Column{{Label: "Desktop"}, {Label: "For the block"}, {Label: "Held", End: true}}
}

// MovementWords says what a movement was.
func MovementWords(m ledger.Traced) string {
	kind, _, _ := strings.Cut(m.Cause, ":")
	switch kind {
	case "block":
		if m.PlanName != "" {
			return "Block of " + m.PlanName
		}
		return "Block"
	case "grant":
		return "Credit from the shop"
	case "bonus":
		return "Bonus from the shop"
	case "expiry", "expired", "expire":
		return "Bonus expired"
	case "payment", "topup":
		if m.Invoice != "" {
			return "Payment of " + m.Invoice
		}
		return "Credit bought"
	case "invoice", "settle":
		if m.Invoice != "" {
			return "Invoice " + m.Invoice
		}
	case "release":
		return "Given back when the month was closed"
	case "note", "credit_note", "creditnote":
		return "Credit note"
	case "refund":
		return "Paid back"
	case "refund-failed":
		return "Could not be paid back"
	}
	if m.Description != "" {
		return m.Description
	}
	return "Movement"
}

// movementNote is the smaller line: what was written with it, and from which credit.
func movementNote(m ledger.Traced) string {
	var parts []string
	if words := MovementWords(m); m.Description != "" && m.Description != words {
		parts = append(parts, m.Description)
	}
	if m.Kind == ledger.Bonus {
		parts = append(parts, "bonus")
	}
	return strings.Join(parts, " · ")
}

// movementLink is the page of what it was about, or "".
func movementLink(m ledger.Traced) string {
	switch {
	case m.Invoice != "":
		return "/invoices/" + m.Invoice
	case m.WorkspaceID != nil:
		return "/sessions?workspace=" + m.WorkspaceID.String()
	}
	return ""
}

// signed writes an amount with its sign.
func signed(d decimal.Decimal, currency string) string {
	text := written(d, currency)
	if d.IsPositive() {
		return "+" + text
	}
	return text
}

func (p LedgerProps) heldFor(h ledger.HeldBlock) string {
	if h.StartsAt == nil {
		return "the first block, once it runs"
	}
	return "from " + p.Soon(*h.StartsAt)
}

// written is an amount to its last place, since a block may cost less than a cent.
func written(d decimal.Decimal, currency string) string {
	if whole := money.Of(d, currency).Round(); whole.D.Equal(d) {
		return whole.Format()
	}
	return money.Rate(d, currency)
}
