package ledger

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// hold is one row of block_holds.
type hold struct {
	WorkspaceID uuid.UUID       `json:"workspace_id"`
	Run         int             `json:"run"`
	BlockNo     int             `json:"block_no"`
	SessionID   *uuid.UUID      `json:"session_id"`
	UserID      uuid.UUID       `json:"user_id"`
	StartsAt    *time.Time      `json:"starts_at"`
	Price       decimal.Decimal `json:"price"`
	Bonus       decimal.Decimal `json:"bonus"`
	Credit      decimal.Decimal `json:"credit"`
	Worth       decimal.Decimal `json:"worth"`
	Currency    string          `json:"currency"`
}

// wallet is a customer's credit in one currency, locked.
type wallet struct {
	bonus, credit decimal.Decimal // free
}

func (w *wallet) free() decimal.Decimal { return w.bonus.Add(w.credit) }

// take holds a price, bonus first; false when there is not enough.
func (w *wallet) take(price decimal.Decimal) (bonus, credit decimal.Decimal, ok bool) {
	if w.free().LessThan(price) {
		return bonus, credit, false
	}
	bonus = decimal.Min(w.bonus, price)
	credit = price.Sub(bonus)
	w.bonus, w.credit = w.bonus.Sub(bonus), w.credit.Sub(credit)
	return bonus, credit, true
}

type walletKey struct {
	user     uuid.UUID
	currency string
}

type taxKey struct {
	user  uuid.UUID
	class string
}

type monthKey struct {
	user uuid.UUID
	from time.Time
}

// desk is everything that deciding about a set of blocks needs, read once and kept up
// while it decides.
type desk struct {
	tenant   tenants.Tenant
	now      time.Time
	people   map[uuid.UUID]payer
	wallets  map[walletKey]*wallet
	taxes    map[taxKey]decimal.Decimal
	used     map[monthKey]decimal.Decimal // of the cap
	warnings []warning
}

func openDesk(ctx context.Context, tx tenants.Tx, blocks []Block) (*desk, error) {
	d := &desk{tenant: tx.Tenant(), now: tx.Now(), people: map[uuid.UUID]payer{}, wallets: map[walletKey]*wallet{}, taxes: map[taxKey]decimal.Decimal{},
		used: map[monthKey]decimal.Decimal{}}
	users := usersOf(blocks)
	purses, err := lockUsers(ctx, tx, users)
	if err != nil {
		return nil, err
	}
	for _, p := range purses {
		w := d.wallet(p.UserID, p.Currency)
		if p.Kind == Bonus {
			w.bonus = p.Free
		} else {
			w.credit = p.Free
		}
	}
	payers, err := payersOf(ctx, tx, users)
	if err != nil {
		return nil, err
	}
	for _, p := range payers {
		d.people[p.ID] = p
	}
	if err := d.readTaxes(ctx, tx, blocks); err != nil {
		return nil, err
	}
	return d, d.readCaps(ctx, tx, blocks)
}

func (d *desk) wallet(user uuid.UUID, currency string) *wallet {
	key := walletKey{user, currency}
	if d.wallets[key] == nil {
		d.wallets[key] = &wallet{}
	}
	return d.wallets[key]
}

func (d *desk) readTaxes(ctx context.Context, tx tenants.Tx, blocks []Block) error {
	var users []uuid.UUID
	var classes []string
	seen := map[taxKey]bool{}
	for _, b := range blocks {
		if k := (taxKey{b.UserID, b.TaxClass}); !seen[k] {
			seen[k] = true
			users, classes = append(users, b.UserID), append(classes, b.TaxClass)
		}
	}
	rows, err := taxesOf(ctx, tx, users, classes)
	for _, r := range rows {
		d.taxes[taxKey{r.UserID, r.Class}] = r.Percent
	}
	return err
}

func (d *desk) readCaps(ctx context.Context, tx tenants.Tx, blocks []Block) error {
	seen := map[monthKey]bool{}
	var users []uuid.UUID
	var froms, tos []time.Time
	for _, b := range blocks {
		if d.people[b.UserID].Cap == nil {
			continue
		}
		from, to := d.month(b)
		if k := (monthKey{b.UserID, from}); !seen[k] {
			seen[k] = true
			users, froms, tos = append(users, b.UserID), append(froms, from), append(tos, to)
		}
	}
	if len(users) == 0 {
		return nil
	}
	rows, err := capUsed(ctx, tx, users, froms, tos)
	for _, r := range rows {
		d.used[monthKey{r.UserID, r.From.UTC()}] = r.Used
	}
	return err
}

// month is the calendar month that a block counts in: that of its start.
func (d *desk) month(b Block) (from, to time.Time) {
	at := b.StartsAt
	if at.IsZero() {
		at = d.now
	}
	return MonthOf(at, d.tenant.Zone)
}

// hold decides about one block.
func (d *desk) hold(b Block) (hold, Verdict) {
	p := d.people[b.UserID]
	price := BlockPrice(b.Rate, b.Seconds, d.taxes[taxKey{b.UserID, b.TaxClass}])
	capped := p.Cap != nil && b.Currency == d.tenant.Currency
	if p.PayMode == Postpaid && !capped {
		return hold{}, Verdict{OK: true, Unpaid: true}
	}
	from, _ := d.month(b)
	month := monthKey{b.UserID, from}
	if capped && d.used[month].Add(price).GreaterThan(*p.Cap) {
		return hold{}, Verdict{By: ByCap}
	}
	h := hold{WorkspaceID: b.WorkspaceID, Run: b.Run, BlockNo: b.No, UserID: b.UserID, Worth: price, Currency: b.Currency}
	if p.PayMode != Postpaid {
		var ok bool
		if h.Bonus, h.Credit, ok = d.wallet(b.UserID, b.Currency).take(price); !ok {
			return hold{}, Verdict{By: ByCredit}
		}
		h.Price = price
	}
	if b.SessionID != uuid.Nil {
		h.SessionID = &b.SessionID
	}
	if !b.StartsAt.IsZero() {
		h.StartsAt = &b.StartsAt
	}
	d.used[month] = d.used[month].Add(price)
	d.watch(b, price, capped, d.used[month])
	return h, Verdict{OK: true}
}
