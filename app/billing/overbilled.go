package billing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// overbilledFor is the reason that customers read.
const overbilledFor = "The desktop had ended earlier than these blocks say, so they are given back."

// Overbilled notes that a session was charged from a block on that did not run, and
// gives back what of it stands on an invoice. Blocks that are on none yet are billed
// with their month, because a charge is never taken away (R2), and given back right
// behind that invoice. It is asked in the transaction that learns of it.
func (s *Service) Overbilled(ctx context.Context, tx tenants.Tx, session uuid.UUID, from int, reason string) error {
	if reason == "" {
		reason = overbilledFor
	}
	if err := noteOverbilled(ctx, tx, session, from, reason); err != nil {
		return err
	}
	return settleOverbilled(ctx, tx, session)
}

func settleOverbilled(ctx context.Context, tx tenants.Tx, session uuid.UUID) error {
	o, err := lockOverbilled(ctx, tx, session)
	if err != nil {
		return err
	}
	blocks, err := invoicedBlocks(ctx, tx, session, o.FirstBlock)
	if err != nil || len(blocks) == 0 {
		return err
	}
	_, err = CreditOverbilled(ctx, tx, session, blocks, o.Reason)
	return err
}

// CreditOverbilled gives blocks of a session back by a credit note for each invoice
// that they stand on; blocks that were given back before, or are on no invoice, are
// left out. The amount is what the line would be less without them, rounded as the
// line is (R9).
func CreditOverbilled(ctx context.Context, tx tenants.Tx, session uuid.UUID, blocks []int, reason string) ([]CreditNote, error) {
	if err := lockSession(ctx, tx, session); err != nil {
		return nil, err
	}
	parts, err := overbilledParts(ctx, tx, session, blocks)
	if err != nil {
		return nil, err
	}
	var notes []CreditNote
	for len(parts) > 0 {
		n := slices.IndexFunc(parts, func(p overbilledPart) bool { return p.InvoiceID != parts[0].InvoiceID })
		if n < 0 {
			n = len(parts)
		}
		lines := creditLines(session, parts[:n])
		invoice := parts[0].InvoiceID
		parts = parts[n:]
		if len(lines) == 0 {
			continue
		}
		cause, err := overbilledCause(ctx, tx, session)
		if err != nil {
			return nil, err
		}
		note, err := CreditIn(ctx, tx, CreditWish{InvoiceID: invoice, Lines: lines, Reason: reason, Cause: cause, By: "reconcile"})
		if err != nil {
			return nil, err
		}
		notes = append(notes, note)
	}
	return notes, nil
}

// creditLines are what the lines of one invoice are worth less without the blocks.
func creditLines(session uuid.UUID, parts []overbilledPart) []CreditLine {
	var lines []CreditLine
	for _, p := range parts {
		if amount := p.worth(); amount.IsPositive() {
			blocks := p.Blocks - p.Before
			lines = append(lines, CreditLine{ItemID: p.ItemID, SessionID: &session, Blocks: blocks, Amount: amount,
				Description: fmt.Sprintf("%s: %d blocks that did not run", p.PlanName, blocks)})
		}
	}
	return lines
}

// worth is the line as it stands, less earlier notes for blocks, less the line without
// these blocks; never more than what is left of it.
func (p overbilledPart) worth() decimal.Decimal {
	size := p.Seconds / max(p.Blocks, 1)
	now := p.LineSeconds - p.GivenBlocks*size
	then := now - (p.Blocks-p.Before)*size
	worth := p.net(now).Sub(p.net(then))
	return decimal.Max(decimal.Zero, decimal.Min(worth, p.Amount.Sub(p.Discount).Sub(p.Credited)))
}

// net is what so many seconds of the line come to after its discount.
func (p overbilledPart) net(seconds int64) decimal.Decimal {
	gross := money.Usage(p.Rate, seconds, p.Currency).Round().D
	if !p.Amount.IsPositive() {
		return decimal.Zero
	}
	return gross.Sub(p.Discount.Mul(gross).DivRound(p.Amount, money.Exponent(p.Currency)))
}

// OnBilled looks at a session that was closed, or at what an invoice has of sessions
// that are known to be over-billed, and gives back what is not theirs to pay.
func (s *Service) OnBilled(ctx context.Context, m *bus.Message) error {
	var e struct {
		SessionID uuid.UUID `json:"session_id"`
		InvoiceID uuid.UUID `json:"invoice_id"`
	}
	if err := m.Decode(&e); err != nil {
		return bus.Permanent(err)
	}
	return s.db.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		if e.SessionID != uuid.Nil {
			if err := noteOverrun(ctx, tx, e.SessionID, tx.Now(), overbilledFor); err != nil {
				return err
			}
		}
		if err := settleSessions(ctx, tx, e.SessionID, e.InvoiceID); err != nil {
			return err
		}
		return m.Done(ctx, tx)
	})
}

func settleSessions(ctx context.Context, tx tenants.Tx, session, invoice uuid.UUID) error {
	sessions, err := overbilledSessions(ctx, tx, session, invoice)
	if err != nil {
		return err
	}
	for _, id := range sessions {
		if err := settleOverbilled(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}

// lookBack is how far FindOverbilled looks: what ended earlier was looked at before.
const lookBack = 100 * 24 * time.Hour

// FindOverbilled looks at every session of the shop that ended lately for blocks
// that begin at its end or later, and gives them back. It may be asked at any time.
func (s *Service) FindOverbilled(ctx context.Context, t tenants.Tenant) error {
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		if err := noteOverrun(ctx, tx, uuid.Nil, tx.Now().Add(-lookBack), overbilledFor); err != nil {
			return err
		}
		return settleSessions(ctx, tx, uuid.Nil, uuid.Nil)
	})
}
