package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// DueBonus is the kind of due time at which bonus credit expires; its key is the
// grant's id.
const DueBonus = "bonus"

// heldLook is how long bonus credit that is held when it expires is waited for: it is
// either spent or given back by then.
const heldLook = 15 * time.Minute

// AddBonus gives a customer bonus credit, which is spent before paid credit and the
// earliest to expire first; expiresAt is nil for one that stays. The cause names the
// gift, so that asking twice gives once. It announces credit.granted. Errors: Invalid
// (amount, expires_at), NotFound.
func AddBonus(ctx context.Context, tx tenants.Tx, userID uuid.UUID, amount decimal.Decimal, currency string, expiresAt *time.Time, reason, cause, actor string) error {
	if err := mayGrant(amount, currency); err != nil {
		return err
	}
	if expiresAt != nil && !expiresAt.After(tx.Now()) {
		return fail.Fields{"expires_at": "Choose a time that is still to come."}.Err()
	}
	if cause == "" {
		cause = uuid.NewString()
	}
	wallet, err := Wallet(ctx, tx, userID, Bonus, currency)
	if err != nil {
		return err
	}
	id, fresh, err := insertBonus(ctx, tx, userID, amount, currency, cause, expiresAt)
	if err != nil || !fresh {
		return err
	}
	if err := moveBonus(ctx, tx, wallet, currency, amount, "bonus:"+cause, reason, actor); err != nil {
		return err
	}
	if expiresAt != nil {
		if err := bus.Due(ctx, tx, DueBonus, id.String(), *expiresAt, nil); err != nil {
			return err
		}
	}
	if err := auditGrant(ctx, tx, actor, userID, amount, currency, reason); err != nil {
		return err
	}
	return bus.Append(ctx, tx, "credit.granted", Credited{userID, money.API(amount, currency), currency})
}

func moveBonus(ctx context.Context, tx tenants.Tx, wallet uuid.UUID, currency string, amount decimal.Decimal, cause, reason, actor string) error {
	grants, err := Shop(ctx, tx, Grants, currency)
	if err != nil {
		return err
	}
	return Post(ctx, tx, []Entry{{cause, wallet, amount, reason, actor}, {cause, grants, amount.Neg(), reason, actor}})
}

// bonusGrant is a gift with its end.
type bonusGrant struct {
	ID        uuid.UUID       `db:"id"`
	UserID    uuid.UUID       `db:"user_id"`
	Amount    decimal.Decimal `db:"amount"`
	Currency  string          `db:"currency"`
	Cause     string          `db:"cause"`
	ExpiresAt *time.Time      `db:"expires_at"`
}

// OnBonusDue takes back what is left of bonus credit that expires. What is held of it
// for a block at that moment may still be spent.
func (s *Service) OnBonusDue(ctx context.Context, m *bus.Message) error {
	id, err := uuid.Parse(m.Key)
	if err != nil {
		return bus.Permanent(fmt.Errorf("the due time's key is no bonus: %w", err))
	}
	return s.db.In(ctx, m.Tenant, func(tx tenants.Tx) error {
		g, found, err := findBonus(ctx, tx, id)
		if err != nil || !found {
			return err
		}
		if err := m.Done(ctx, tx); err != nil {
			return err
		}
		return expire(ctx, tx, g)
	})
}

func expire(ctx context.Context, tx tenants.Tx, g bonusGrant) error {
	wallet, err := Wallet(ctx, tx, g.UserID, Bonus, g.Currency)
	if err != nil {
		return err
	}
	free, err := freeOf(ctx, tx, wallet)
	if err != nil {
		return err
	}
	all, err := bonusesOf(ctx, tx, g.UserID, g.Currency)
	if err != nil {
		return err
	}
	entries, err := bonusEntries(ctx, tx, wallet)
	if err != nil {
		return err
	}
	left := remaining(all, entries)[g.ID]
	gone := decimal.Min(left, free)
	if gone.IsPositive() {
		cause := fmt.Sprintf("%s%s:%d", expiry, g.ID, len(entries))
		if err := moveBonus(ctx, tx, wallet, g.Currency, gone.Neg(), cause, "Bonus credit expired", "ledger"); err != nil {
			return err
		}
	}
	if left.GreaterThan(gone) {
		return bus.Due(ctx, tx, DueBonus, g.ID.String(), tx.Now().Add(heldLook), nil)
	}
	return nil
}

// expiry begins the cause of what expired; the grant's id follows.
const expiry = "expire:"

// bonusEntry is a movement of a bonus account.
type bonusEntry struct {
	Cause  string          `db:"cause"`
	Amount decimal.Decimal `db:"amount"`
}

// remaining tells what is left of each gift after the movements of its account, in
// their order: what expires first is spent first, and of those that expire together
// the oldest. What came in otherwise never expires and is spent last.
func remaining(grants []bonusGrant, entries []bonusEntry) map[uuid.UUID]decimal.Decimal {
	byCause := map[string]bonusGrant{}
	for _, g := range grants {
		byCause["bonus:"+g.Cause] = g
	}
	left := map[uuid.UUID]decimal.Decimal{}
	var lots []bonusGrant
	for _, e := range entries {
		switch {
		case e.Amount.IsPositive():
			g, known := byCause[e.Cause]
			if !known {
				g = bonusGrant{ID: uuid.New()}
			}
			left[g.ID] = left[g.ID].Add(e.Amount)
			lots = append(lots, g)
			slices.SortStableFunc(lots, func(a, b bonusGrant) int { return compareEnds(a.ExpiresAt, b.ExpiresAt) })
		case strings.HasPrefix(e.Cause, expiry):
			text, _, _ := strings.Cut(strings.TrimPrefix(e.Cause, expiry), ":")
			if id, err := uuid.Parse(text); err == nil {
				left[id] = left[id].Add(e.Amount)
			}
		default:
			spend(lots, left, e.Amount.Neg())
		}
	}
	return left
}

func spend(lots []bonusGrant, left map[uuid.UUID]decimal.Decimal, amount decimal.Decimal) {
	for _, g := range lots {
		part := decimal.Min(left[g.ID], amount)
		if part.IsPositive() {
			left[g.ID], amount = left[g.ID].Sub(part), amount.Sub(part)
		}
	}
}

// compareEnds puts the earlier end first and no end last.
func compareEnds(a, b *time.Time) int {
	switch {
	case a == nil || b == nil:
		return cmp.Compare(boolInt(a == nil), boolInt(b == nil))
	default:
		return a.Compare(*b)
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
