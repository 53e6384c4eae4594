package wholesale

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// Party is one of the two sides of a document, as they were when it was made.
type Party struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	Phone string `json:"phone,omitempty"`
}

// kind is that of the due times of wholesale: the key is keyCycle for the end of
// the reseller's cycle, or the id of an invoice for the next step about it.
const (
	kind     = "wholesale"
	keyCycle = "cycle"
)

// The events about wholesale invoices, and what they say.
const (
	EventIssued    = "wholesale.issued"
	EventReminder  = "wholesale.reminder"
	EventPastDue   = "wholesale.past_due"
	EventSuspended = "wholesale.suspended"
	EventPaid      = "wholesale.paid"
)

// Notice is the payload of the events about wholesale invoices.
type Notice struct {
	UserID    uuid.UUID `json:"user_id"` // the reseller's owner
	InvoiceID uuid.UUID `json:"invoice_id"`
	Number    string    `json:"number"`
	Period    string    `json:"period"`
	Total     string    `json:"total"`
	AmountDue string    `json:"amount_due"`
	Currency  string    `json:"currency"`
	DueDate   string    `json:"due_date"`
	ActBy     string    `json:"act_by,omitempty"` // the day on which the next step is taken
}

// issueWaiting gives numbers to the documents that are drawn up and have none. What
// a crash left half done is found here by the next run; nothing is done twice.
func (s *Service) issueWaiting(ctx context.Context, t tenants.Tenant, terms Terms) (made []uuid.UUID, err error) {
	var docs []Document
	if err := s.DB.Read(ctx, t, waitingQ(&docs)); err != nil || len(docs) == 0 {
		return nil, err
	}
	for _, d := range docs {
		fresh, err := s.issue(ctx, t, terms, d)
		if err != nil {
			return made, err
		}
		if fresh {
			made = append(made, d.ID)
		}
	}
	return made, nil
}

func (s *Service) issue(ctx context.Context, t tenants.Tenant, terms Terms, d Document) (fresh bool, err error) {
	var items []Item
	if err := s.DB.Read(ctx, t, itemsQ(&items, d.ID)); err != nil {
		return false, err
	}
	var number string
	err = s.DB.Central(ctx, func(tx tenants.CentralTx) (err error) {
		number, err = post(ctx, tx, t, d, items, billTo(t), s.seller())
		return err
	})
	if err != nil {
		return false, err
	}
	return s.announce(ctx, t, terms, d, number)
}

// announce writes the number on the reseller's side, tells its owner, and sets the
// time of the first step in case nobody pays.
func (s *Service) announce(ctx context.Context, t tenants.Tenant, terms Terms, d Document, number string) (fresh bool, err error) {
	err = s.DB.In(ctx, t, func(tx tenants.Tx) error {
		if fresh, err = mark(ctx, tx, d.ID, number); err != nil || !fresh {
			return err
		}
		inv := Invoice{ID: d.ID, Number: number, CycleStart: d.CycleStart, CycleEnd: d.CycleEnd, Currency: d.Currency, Total: d.Total, AmountDue: d.Total, DueDate: d.DueDate}
		if err := tell(ctx, tx, EventIssued, terms, inv, time.Time{}); err != nil || !d.Total.IsPositive() {
			return err
		}
		return bus.Due(ctx, tx, kind, d.ID.String(), terms.remindAt(d.DueDate), nil)
	})
	return fresh, err
}

// tell announces a step to whoever owns the shop; one without an owner hears
// nothing.
func tell(ctx context.Context, tx tenants.Tx, event string, t Terms, inv Invoice, actBy time.Time) error {
	owner, found, err := ownerOf(ctx, tx)
	if err != nil || !found {
		return err
	}
	n := Notice{UserID: owner, InvoiceID: inv.ID, Number: inv.Number, Period: Cycle{inv.CycleStart, inv.CycleEnd}.Name(t.Zone()),
		Total: money.Of(inv.Total, inv.Currency).Format(), AmountDue: money.Of(inv.AmountDue, inv.Currency).Format(), Currency: inv.Currency,
		DueDate: inv.DueDate.Format("2 January 2006")}
	if !actBy.IsZero() {
		n.ActBy = actBy.In(t.Zone()).Format("2 January 2006")
	}
	return bus.Append(ctx, tx, event, n)
}

func billTo(t tenants.Tenant) Party {
	return Party{Name: cmp.Or(t.Branding.CompanyName, t.Name), Email: t.OwnerEmail, Phone: t.Branding.SupportPhone}
}

func (s *Service) seller() Party {
	house, ok := s.DB.Registry().House()
	if !ok {
		return Party{Name: "The provider"}
	}
	return Party{Name: cmp.Or(house.Branding.CompanyName, house.Name), Email: cmp.Or(house.Branding.SupportEmail, house.OwnerEmail), Phone: house.Branding.SupportPhone}
}
