// Package accounts knows the people of a shop and of the provider: how they
// sign up, prove their address, sign in, and let programs act for them with API
// keys. Whoever tries addresses or passwords learns nothing: a known and an
// unknown address answer the same, in the same time.
package accounts

import (
	"runtime"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/tenants"
)

// Role says what a person is in a shop.
type Role string

// The roles. Owner and staff are the reseller's own people.
const (
	Owner    Role = "owner"
	Staff    Role = "staff"
	Customer Role = "customer"
)

// Status says whether a person may use the shop.
type Status string

// The statuses of a person.
const (
	Active    Status = "active"
	Suspended Status = "suspended"
	Closed    Status = "closed"
)

// User is a person of one shop. SessionEpoch counts up whenever all of the
// person's sign-ins must end: a sign-in that began at another number is over.
type User struct {
	ID              uuid.UUID
	Email           string
	Name            string
	Role            Role
	Status          Status
	EmailVerifiedAt *time.Time
	SessionEpoch    int
	CreatedAt       time.Time
}

// Verified says whether the person has proved the address.
func (u User) Verified() bool { return u.EmailVerifiedAt != nil }

// Runs says whether the person runs the shop, as owner or staff.
func (u User) Runs() bool { return u.Role == Owner || u.Role == Staff }

// Operator is a person of the provider.
type Operator struct {
	ID           uuid.UUID
	Email        string
	Name         string
	SessionEpoch int
	CreatedAt    time.Time
}

// Service holds the use cases. Each is one transaction of the shop; passwords
// are hashed outside of it.
type Service struct {
	db     *tenants.DB
	clock  clock.Clock
	wall   func() time.Time
	hashes *hasher
	limits limits
}

// New makes the service. The clock gives business time, which keys are stamped
// with; wall gives the machine's time, which links and limits go by.
func New(db *tenants.DB, business clock.Clock, wall func() time.Time) (*Service, error) {
	hashes, err := newHasher(runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, err
	}
	return &Service{db: db, clock: business, wall: wall, hashes: hashes, limits: defaultLimits()}, nil
}
