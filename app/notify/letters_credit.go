package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

// OnCredit writes the letters about a customer's money: balance.low, and
// workspace.stop_requested when credit or a cap ended a desktop.
func (n *Service) OnCredit(ctx context.Context, m *bus.Message) error { return n.mail(ctx, m) }

// low is what balance.low says besides what every event may say.
type low struct {
	Reason   string          `json:"reason"`
	By       string          `json:"by"`
	Percent  int             `json:"percent"`
	Free     decimal.Decimal `json:"free"`
	Cap      decimal.Decimal `json:"cap"`
	CapUsed  decimal.Decimal `json:"cap_used"`
	Currency string          `json:"currency"`
	StopsAt  *time.Time      `json:"stops_at"`
}

// creditLetter is the letter that money runs out or has ended. Each warning is
// announced once, so its event names the letter.
func (n *Service) creditLetter(ctx context.Context, tx tenants.Tx, m *bus.Message, a about, to person) (draft, error) {
	if m.Name == "workspace.stop_requested" && a.By != "credit" && a.By != "cap" {
		return draft{}, nil
	}
	d, err := findDesktop(ctx, tx, a.WorkspaceID)
	if err != nil {
		return draft{}, err
	}
	t := tx.Tenant()
	w := views.MailMoney{Plan: d.PlanName, Template: d.TemplateName, Page: n.Links(t, "/workspaces/"+a.WorkspaceID.String()), Billing: n.Links(t, "/billing"), By: a.By}
	b, key := n.brand(t), fmt.Sprintf("%s:%d", m.Name, m.OutboxID)
	if m.Name == "workspace.stop_requested" {
		return draft{key, w.Stopped(b, to.Name)}, nil
	}
	var l low
	if err := m.Decode(&l); err != nil {
		return draft{}, err
	}
	w.Free, w.Percent = money.Of(l.Free, l.Currency).Format(), l.Percent
	w.Cap, w.CapUsed = money.Of(l.Cap, l.Currency).Format(), money.Of(l.CapUsed, l.Currency).Round().Format()
	if l.StopsAt != nil {
		w.Stops = stopping(*l.StopsAt, d.TimeZone, t.Zone)
	}
	switch l.Reason {
	case "block":
		return draft{key, w.LastBlock(b, to.Name)}, nil
	case "cap":
		return draft{key, w.NearCap(b, to.Name)}, nil
	case "low":
		return draft{key, w.Low(b, to.Name)}, nil
	}
	return draft{}, nil
}
