package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// What a customer is warned of.
const (
	LowCredit = "low"   // the credit fell below the customer's own threshold
	LowCap    = "cap"   // a share of the month's cap is used that the customer chose
	LastBlock = "block" // what is held is the last block that credit or cap allow
)

// Low is the payload of balance.low: a customer's money is running out. Amounts are
// those after the block that was just held.
type Low struct {
	UserID      uuid.UUID  `json:"user_id"`
	WorkspaceID uuid.UUID  `json:"workspace_id"`
	Reason      string     `json:"reason"` // low, cap or block
	By          string     `json:"by"`     // what runs out: credit or cap
	Percent     int        `json:"percent,omitempty"`
	Free        string     `json:"free"` // credit that nothing is held of
	Cap         string     `json:"cap,omitempty"`
	CapUsed     string     `json:"cap_used,omitempty"`
	Currency    string     `json:"currency"`
	StopsAt     *time.Time `json:"stops_at,omitempty"` // with block: when the desktop stops unless something changes
}

// warning is one that may be due; each key goes once.
type warning struct {
	key    string
	low    Low
	topped bool // due again after the next payment
}

// watch notes what the customer should be told after a block was held (R15).
func (d *desk) watch(b Block, price decimal.Decimal, capped bool, used decimal.Decimal) {
	p, w := d.people[b.UserID], d.wallet(b.UserID, b.Currency)
	say := Low{UserID: b.UserID, WorkspaceID: b.WorkspaceID, By: ByCredit, Free: money.API(w.free(), b.Currency), Currency: b.Currency}
	prepaid := p.PayMode != Postpaid
	if capped {
		say.Cap, say.CapUsed = money.API(*p.Cap, b.Currency), money.API(used, b.Currency)
	}
	if prepaid && p.LowCredit != nil && b.Currency == d.tenant.Currency && w.free().LessThan(*p.LowCredit) {
		say.Reason = LowCredit
		d.warnings = append(d.warnings, warning{"low:" + p.LowCredit.String(), say, true})
	}
	if capped {
		d.watchCap(b, say, *p.Cap, used, p.WarnPercent)
	}
	short := prepaid && w.free().LessThan(price)
	full := capped && used.Add(price).GreaterThan(*p.Cap)
	if !price.IsPositive() || !short && !full {
		return
	}
	say.Reason = LastBlock
	if !short {
		say.By = ByCap
	}
	if !b.StartsAt.IsZero() {
		ends := b.StartsAt.Add(time.Duration(b.Seconds) * time.Second)
		say.StopsAt = &ends
	}
	d.warnings = append(d.warnings, warning{fmt.Sprintf("block:%s:%d:%d", b.WorkspaceID, b.Run, b.No), say, false})
}

func (d *desk) watchCap(b Block, say Low, most, used decimal.Decimal, percents []int) {
	from, _ := d.month(b)
	say.Reason, say.By = LowCap, ByCap
	for _, percent := range percents {
		if used.Mul(decimal.NewFromInt(100)).LessThan(most.Mul(decimal.NewFromInt(int64(percent)))) {
			continue
		}
		say.Percent = percent
		d.warnings = append(d.warnings, warning{fmt.Sprintf("cap:%s:%s:%d", from.In(zoneOf(d.tenant)).Format("2006-01"), most, percent), say, false})
	}
}

func zoneOf(t tenants.Tenant) *time.Location {
	if t.Zone == nil {
		return time.UTC
	}
	return t.Zone
}

// warn announces the warnings that were not given before.
func (d *desk) warn(ctx context.Context, tx tenants.Tx) error {
	if len(d.warnings) == 0 {
		return nil
	}
	fresh, err := noteWarnings(ctx, tx, d.warnings)
	if err != nil {
		return err
	}
	var due []Low
	for i, w := range d.warnings {
		if fresh[i] {
			due = append(due, w.low)
		}
	}
	return bus.AppendAll(ctx, tx, "balance.low", due)
}
