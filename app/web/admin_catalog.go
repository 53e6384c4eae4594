package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v5"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/app/pricing"
	"github.com/ezscale/ezscale/views"
)

// catalogCurrency is what the catalogue's figures are written in here; each shop
// reads them in its own.
func (s *server) catalogCurrency() string {
	if house, ok := s.Registry.House(); ok {
		return house.Currency
	}
	return "USD"
}

func (s *server) catalogPage(c *echo.Context) error {
	return s.catalogAs(c, http.StatusOK, nil, nil)
}

// catalogAs draws the catalogue with the forms as they were typed; nil for fresh ones.
func (s *server) catalogAs(c *echo.Context, status int, policyForm, newForm *views.ReportForm) error {
	var shapes []pricing.Shape
	var policy pricing.Policy
	if err := s.DB.CentralRead(c.Request().Context(), pricing.ShapesQ(&shapes), pricing.PolicyQ(&policy)); err != nil {
		return err
	}
	if policyForm == nil {
		rule := "warn"
		if policy.Refuse {
			rule = "refuse"
		}
		policyForm = floorForm(url.Values{"minimum_markup": {policy.MinimumMarkup.String()}, "below_floor": {rule}}, views.Wrong{})
	}
	if newForm == nil {
		newForm = newShapeForm(url.Values{"workspace_type": {"developer"}, "block_seconds": {"900"}, "minimum_block_seconds": {"60"}, "driver": {"kasm"}, "status": {"active"}, "in_new_shops": {"off"}}, views.Wrong{})
	}
	page := views.Report{Title: "Catalogue", Text: "What resellers make their plans from. Wholesale prices count for sessions that begin from now on.",
		Links: []views.NavItem{{Label: "Tiers", Href: "/admin/tiers"}, {Label: "New shape", Href: "#new"}},
		Sections: []views.ReportSection{s.shapesTable(shapes),
			{ID: "floor", Title: "Floor for all shapes", Text: "A shape may have a floor of its own. Your own shop has none.", Form: policyForm},
			{ID: "new", Title: "New shape", Text: "Resellers can make plans of it at once.", Form: newForm}}}
	return s.render(c, status, views.ReportPage(s.adminShell(c, "Catalogue"), page))
}

func (s *server) shapesTable(shapes []pricing.Shape) views.ReportSection {
	currency := s.catalogCurrency()
	table := views.ReportSection{Title: "Shapes", Empty: "The catalogue is empty.",
		Columns: []views.Column{{Label: "Shape"}, {Label: "Size"}, {Label: "Suggested", End: true}, {Label: "Wholesale", End: true}, {Label: "Floor", End: true}, {Label: "State"}}}
	month := func(d *decimal.Decimal) string {
		if d == nil || d.IsZero() {
			return ""
		}
		return money.Of(*d, currency).Format() + " a month"
	}
	for _, shape := range shapes {
		floor := "–"
		if shape.FloorPrice != nil {
			floor = money.Rate(*shape.FloorPrice, currency)
		}
		below := ""
		if shape.MinimumMarkup != nil {
			below = "+" + shape.MinimumMarkup.String() + " %"
		}
		sold := "for all tiers"
		if len(shape.Tiers) > 0 {
			sold = "for " + strings.Join(shape.Tiers, ", ")
		}
		table.Rows = append(table.Rows, views.ReportRow{Cells: []views.ReportCell{{Text: shape.Name, Href: "/admin/catalog/" + shape.ID, Below: shape.ID},
			{Text: sizeOf(shape.VCPU, shape.RAMMB), Below: shape.WorkspaceType}, {Text: money.Rate(shape.Suggested, currency), Below: month(shape.SuggestedMonth)},
			{Text: money.Rate(shape.Wholesale, currency), Below: month(shape.WholesaleMonth)}, {Text: floor, Below: below}, {State: shape.Status, Below: sold}}})
	}
	return table
}

func floorForm(v url.Values, wrong views.Wrong) *views.ReportForm {
	return &views.ReportForm{Action: "/admin/catalog/floor", Submit: "Save", Wrong: wrong,
		Selects: []views.SelectProps{{Name: "below_floor", Label: "A price below the floor", Value: v.Get("below_floor"),
			Options: []views.Option{{Value: "warn", Label: "is warned of"}, {Value: "refuse", Label: "is refused"}}}},
		Fields: []views.FieldProps{{Name: "minimum_markup", Label: "Least mark-up on wholesale", Suffix: "%", InputMode: "decimal", Value: v.Get("minimum_markup"), Hint: "0 for none."}}}
}

// shapeFields are what can be changed of a shape.
func shapeFields(v url.Values, currency string) ([]views.SelectProps, []views.FieldProps) {
	price := func(name, label, hint string, optional bool) views.FieldProps {
		return views.FieldProps{Name: name, Label: label, Hint: hint, Value: v.Get(name), InputMode: "decimal", Optional: optional, Suffix: currency, Autocomplete: "off"}
	}
	sizes := []views.Option{{Value: "60", Label: "1 minute"}, {Value: "300", Label: "5 minutes"}, {Value: "600", Label: "10 minutes"}, {Value: "900", Label: "15 minutes"}, {Value: "1800", Label: "30 minutes"}, {Value: "3600", Label: "1 hour"}}
	selects := []views.SelectProps{
		{Name: "status", Label: "Resellers", Value: v.Get("status"), Options: []views.Option{{Value: "active", Label: "may make plans of it"}, {Value: "deprecated", Label: "may not any more; plans they have go on"}}},
		{Name: "in_new_shops", Label: "New shops", Value: v.Get("in_new_shops"), Options: []views.Option{{Value: "on", Label: "begin with a plan of it"}, {Value: "off", Label: "begin without"}}},
		{Name: "block_seconds", Label: "Block", Value: v.Get("block_seconds"), Options: sizes},
		{Name: "minimum_block_seconds", Label: "Shortest block that resellers may choose", Value: v.Get("minimum_block_seconds"), Options: sizes},
		{Name: "driver", Label: "Desktops are made by", Value: v.Get("driver"), Options: []views.Option{{Value: "kasm", Label: "Kasm"}, {Value: "docker", Label: "Docker"}}}}
	fields := []views.FieldProps{{Name: "name", Label: "Name", Value: v.Get("name"), MaxLength: "60", Autocomplete: "off"},
		{Name: "description", Label: "Description", Value: v.Get("description"), MaxLength: "300", Optional: true, Autocomplete: "off"},
		price("wholesale_price_per_hour", "Wholesale price of an hour", "Before a reseller's discount.", false), price("price_per_hour", "Suggested price of an hour", "", false),
		price("wholesale_price", "Wholesale price of a month", "", true), price("price", "Suggested price of a month", "", true),
		price("floor_price_per_hour", "Floor of an hour", "The least that resellers should ask. Empty for none.", true),
		{Name: "minimum_markup_percent", Label: "Least mark-up", Suffix: "%", Value: v.Get("minimum_markup_percent"), InputMode: "decimal", Optional: true, Hint: "Empty: what holds for all shapes.", Autocomplete: "off"},
		{Name: "tiers", Label: "Tiers that may sell it", Value: v.Get("tiers"), Optional: true, Hint: "Such as pro, enterprise. Empty for all.", Autocomplete: "off"},
		{Name: "sort_order", Label: "Place in the list", Value: v.Get("sort_order"), InputMode: "numeric", Optional: true, Autocomplete: "off"}}
	return selects, fields
}

func newShapeForm(v url.Values, wrong views.Wrong) *views.ReportForm {
	selects, fields := shapeFields(v, "")
	selects = append([]views.SelectProps{{Name: "workspace_type", Label: "Type", Value: v.Get("workspace_type"), Options: []views.Option{{Value: "developer", Label: "Developer"}, {Value: "business", Label: "Business"}}}}, selects...)
	fields = append([]views.FieldProps{{Name: "id", Label: "Id", Value: v.Get("id"), MaxLength: "39", Hint: "Small letters, digits and underlines, such as developer_gpu. It never changes.", Autocomplete: "off"},
		{Name: "vcpu", Label: "vCPU", Value: v.Get("vcpu"), InputMode: "numeric", Autocomplete: "off"}, {Name: "ram_mb", Label: "Memory", Suffix: "MB", Value: v.Get("ram_mb"), InputMode: "numeric", Autocomplete: "off"}}, fields...)
	return &views.ReportForm{Action: "/admin/catalog#new", Submit: "Add the shape", Selects: selects, Fields: fields, Wrong: wrong}
}

// shapeOf reads the form of a shape on top of what it was.
func shapeOf(form url.Values, shape pricing.Shape) (pricing.Shape, error) {
	f := figures{form, fail.Fields{}}
	shape.Name, shape.Description, shape.Status, shape.Driver = form.Get("name"), form.Get("description"), form.Get("status"), form.Get("driver")
	shape.InNewShops = form.Get("in_new_shops") == "on"
	shape.Tiers = strings.FieldsFunc(form.Get("tiers"), func(r rune) bool { return r == ',' || r == ' ' })
	for name, to := range map[string]*decimal.Decimal{"price_per_hour": &shape.Suggested, "wholesale_price_per_hour": &shape.Wholesale} {
		if d := f.decimal(name); d != nil {
			*to = *d
		} else {
			f.wrong.Add(name, "Give a price.")
		}
	}
	shape.SuggestedMonth, shape.WholesaleMonth, shape.FloorPrice, shape.MinimumMarkup = f.decimal("price"), f.decimal("wholesale_price"), f.decimal("floor_price_per_hour"), f.decimal("minimum_markup_percent")
	for name, to := range map[string]*int{"block_seconds": &shape.BlockSeconds, "minimum_block_seconds": &shape.MinimumBlock, "sort_order": &shape.SortOrder, "vcpu": &shape.VCPU, "ram_mb": &shape.RAMMB} {
		if n := f.whole(name); n != nil {
			*to = min(max(*n, -1), 1<<30)
		}
	}
	return shape, f.wrong.Err()
}

func (s *server) addShape(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	shape, err := shapeOf(form, pricing.Shape{ID: strings.TrimSpace(form.Get("id")), WorkspaceType: form.Get("workspace_type")})
	if err == nil {
		err = s.Pricing.AddShape(c.Request().Context(), visitOf(c).operator.Email, shape)
	}
	if wrong, status := wrongOf(err); status != 0 {
		return s.catalogAs(c, status, nil, newShapeForm(form, wrong))
	}
	if err != nil {
		return err
	}
	return s.adminDone(c, shape.Name+" is in the catalogue.", "/admin/catalog")
}

func (s *server) adminDone(c *echo.Context, text, path string) error {
	putNotice(c, s.doors.admin, views.ToneGood, text)
	return seeOther(c, path)
}

func (s *server) setFloor(c *echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	f := figures{form, fail.Fields{}}
	policy := pricing.Policy{Refuse: form.Get("below_floor") == "refuse"}
	if d := f.decimal("minimum_markup"); d != nil {
		policy.MinimumMarkup = *d
	}
	if err = f.wrong.Err(); err == nil {
		err = s.Pricing.SetPolicy(c.Request().Context(), visitOf(c).operator.Email, policy)
	}
	if wrong, status := wrongOf(err); status != 0 {
		return s.catalogAs(c, status, floorForm(form, wrong), nil)
	}
	if err != nil {
		return err
	}
	return s.adminDone(c, "The floor is set.", "/admin/catalog")
}

func (s *server) shapeOfPath(c *echo.Context) (pricing.Shape, error) {
	var shapes []pricing.Shape
	if err := s.DB.CentralRead(c.Request().Context(), pricing.ShapesQ(&shapes)); err != nil {
		return pricing.Shape{}, err
	}
	for _, shape := range shapes {
		if shape.ID == c.Param("id") {
			return shape, nil
		}
	}
	return pricing.Shape{}, fail.Missing("shape")
}

func (s *server) shapePage(c *echo.Context) error {
	shape, err := s.shapeOfPath(c)
	if err != nil {
		return err
	}
	return s.shapeAs(c, http.StatusOK, shape, shapeValues(shape), views.Wrong{})
}

func shapeValues(shape pricing.Shape) url.Values {
	text := func(d *decimal.Decimal) string {
		if d == nil {
			return ""
		}
		return d.String()
	}
	return url.Values{"name": {shape.Name}, "description": {shape.Description}, "status": {shape.Status}, "driver": {shape.Driver}, "in_new_shops": {offOr(shape.InNewShops)},
		"price_per_hour": {shape.Suggested.String()}, "wholesale_price_per_hour": {shape.Wholesale.String()}, "price": {text(shape.SuggestedMonth)}, "wholesale_price": {text(shape.WholesaleMonth)},
		"floor_price_per_hour": {text(shape.FloorPrice)}, "minimum_markup_percent": {text(shape.MinimumMarkup)}, "block_seconds": {strconv.Itoa(shape.BlockSeconds)},
		"minimum_block_seconds": {strconv.Itoa(shape.MinimumBlock)}, "tiers": {strings.Join(shape.Tiers, ", ")}, "sort_order": {strconv.Itoa(shape.SortOrder)}}
}

func offOr(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func (s *server) shapeAs(c *echo.Context, status int, shape pricing.Shape, values url.Values, wrong views.Wrong) error {
	selects, fields := shapeFields(values, s.catalogCurrency())
	page := views.Report{Title: shape.Name, Text: sizeOf(shape.VCPU, shape.RAMMB) + ", " + shape.WorkspaceType + ", " + shape.ID, Back: views.NavItem{Label: "Catalogue", Href: "/admin/catalog"},
		Sections: []views.ReportSection{{Title: "What it costs and who may sell it", Form: &views.ReportForm{Action: "/admin/catalog/" + shape.ID, Submit: "Save", Selects: selects, Fields: fields, Wrong: wrong}}}}
	return s.render(c, status, views.ReportPage(s.adminShell(c, shape.Name), page))
}

func (s *server) setShape(c *echo.Context) error {
	before, err := s.shapeOfPath(c)
	if err != nil {
		return err
	}
	form, err := posted(c)
	if err != nil {
		return err
	}
	shape, err := shapeOf(form, before)
	if shape.VCPU, shape.RAMMB = before.VCPU, before.RAMMB; err == nil {
		err = s.Pricing.SetShape(c.Request().Context(), visitOf(c).operator.Email, shape)
	}
	if wrong, status := wrongOf(err); status != 0 {
		return s.shapeAs(c, status, before, form, wrong)
	}
	if err != nil {
		return err
	}
	return s.adminDone(c, shape.Name+" is saved.", "/admin/catalog")
}
