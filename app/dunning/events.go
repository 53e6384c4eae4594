package dunning

import (
	"time"

	"github.com/google/uuid"
)

// What this package announces; each becomes a letter.
const (
	EventReminded   = "dunning.reminded"
	EventWarned     = "dunning.warned" // of the suspension or of the end, as Step says
	EventSuspended  = "dunning.suspended"
	EventTerminated = "dunning.terminated"
	EventResumed    = "dunning.resumed"
)

// Announced is the payload of every event of this package.
type Announced struct {
	UserID    uuid.UUID `json:"user_id"`
	InvoiceID uuid.UUID `json:"invoice_id"`
	Number    string    `json:"number"`
	Step      string    `json:"step"`
	On        string    `json:"on,omitempty"` // the day on which desktops stop or go, 2006-01-02 in the shop's zone
}

func (i *invoice) announce(step string, on time.Time) Announced {
	a := Announced{UserID: i.UserID, InvoiceID: i.ID, Number: i.Number, Step: step}
	if !on.IsZero() {
		a.On = on.Format(time.DateOnly)
	}
	return a
}
