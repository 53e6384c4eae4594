package documents

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/tenants"
)

// Clerk reads documents and draws them for letters.
type Clerk struct {
	DB    *tenants.DB
	Links func(t tenants.Tenant, path string) string         // a whole address on the shop's best host
	Logos func(ctx context.Context, t tenants.Tenant) []byte // a shop's own logo, or nothing; nil knows none
	press Press
}

// Invoice is a customer's invoice as PDF; fail.NotFound when there is none.
func (c *Clerk) Invoice(ctx context.Context, t tenants.Tenant, user uuid.UUID, number string) ([]byte, error) {
	var d billing.Document
	if err := c.DB.Read(ctx, t, billing.DocumentQs(&d, user, number)...); err != nil {
		return nil, err
	}
	return c.press.Invoice(d, c.brand(ctx, t, "/invoices/"+number))
}

// CreditNote is a customer's credit note as PDF; fail.NotFound when there is none.
func (c *Clerk) CreditNote(ctx context.Context, t tenants.Tenant, user uuid.UUID, number string) ([]byte, error) {
	var note billing.CreditDocument
	var items []billing.CreditItem
	if err := c.DB.Read(ctx, t, billing.CreditDocumentQs(&note, &items, user, number)...); err != nil {
		return nil, err
	}
	return c.press.CreditNote(note, items, c.brand(ctx, t, "/credit-notes/"+number))
}

func (c *Clerk) brand(ctx context.Context, t tenants.Tenant, page string) Brand {
	b := BrandOf(t)
	if c.Logos != nil && len(b.Logo) == 0 {
		b.Logo = c.Logos(ctx, t)
	}
	if c.Links != nil {
		b.Page = c.Links(t, page)
	}
	return b
}
