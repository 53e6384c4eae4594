// Package attention keeps the list of what a person of the provider should look at,
// from whichever shop it comes: a subject stands on it once until somebody settles
// it. Whoever finds something puts it here in the transaction in which it is found.
package attention

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// EventRaised is announced when a subject comes onto the list.
const EventRaised = "attention.raised"

// Raised is the payload of EventRaised.
type Raised struct {
	Kind    string `json:"kind"`
	Subject string `json:"subject"`
	Summary string `json:"summary"`
}

// Item is one line of the list.
type Item struct {
	ID        uuid.UUID       `db:"id"`
	TenantID  uuid.UUID       `db:"tenant_id"`
	Kind      string          `db:"kind"`    // write_off, recompute, ledger, parked, …
	Subject   string          `db:"subject"` // an id or a number within the shop
	Summary   string          `db:"summary"` // a sentence
	Detail    json.RawMessage `db:"detail"`  // the numbers
	CreatedAt time.Time       `db:"created_at"`
}

// Cursor is where a page of the list begins; the zero value is the newest.
type Cursor struct {
	At time.Time
	ID uuid.UUID
}
