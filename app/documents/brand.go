package documents

import (
	"cmp"
	"time"

	"github.com/ezscale/ezscale/tenants"
)

// BrandOf is a shop's brand as its documents carry it.
func BrandOf(t tenants.Tenant) Brand {
	b := Brand{Company: cmp.Or(t.Branding.CompanyName, t.Name), Email: t.Branding.SupportEmail, Phone: t.Branding.SupportPhone,
		Colour: t.Branding.PrimaryColor, Logo: LogoOf(t.Branding.LogoURL), Zone: t.Zone}
	if b.Zone == nil {
		b.Zone = time.UTC
	}
	return b
}
