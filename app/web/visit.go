package web

import (
	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/console"
	"github.com/ezscale/ezscale/tenants"
)

// visit is the identity of one request: whose shop it came to, and who came.
// The tenant follows from the host and from nothing else.
type visit struct {
	requestID string
	ip        string
	tenant    tenants.Tenant
	central   bool // the provider's own host, whose shop is the house tenant's

	userID   uuid.UUID         // of the tenant; zero when nobody is signed in
	epoch    int               // the sign-in generation the session was made in
	person   accounts.User     // the same, where a guard has read them: at /reseller always
	staff    bool              // filled in by the guards that need it
	owner    bool              // likewise
	acting   *console.Acting   // when it is really somebody else
	operator accounts.Operator // set on /admin only
}

const visitKey = "visit"

// visitOf is the one way to the identity of a request.
func visitOf(c *echo.Context) *visit {
	if v, ok := c.Get(visitKey).(*visit); ok {
		return v
	}
	return &visit{}
}
