package views

import "cmp"

// ConsoleList is a page of the console that lists many of something: searched,
// filtered, page by page, and as a file.
type ConsoleList struct {
	Title, Text string
	Path        string // of the page; filters are its parameters
	SearchLabel string
	Query       string
	State       string
	States      []Option
	Fields      []FieldProps  // further filters
	Selects     []SelectProps // likewise
	Filtered    bool          // by one of those
	Links       []NavItem
	CSV         string
	Columns     []Column
	Rows        []ConsoleRow
	Empty       EmptyProps
	First       string
	Older       string
	Create      *ReportForm // adds one, behind a summary
	CreateLabel string      // of that summary; empty is what its button says
	CreateOpen  bool
}

// CreateTitle is what the summary says.
func (p ConsoleList) CreateTitle() string { return cmp.Or(p.CreateLabel, p.Create.Submit) }

// ConsoleRow is one line, with what can be done to it.
type ConsoleRow struct {
	Cells  []ReportCell
	Action *FormProps
	Button ButtonProps
}

// ConsoleUsage is what a shop's customers used in a month.
type ConsoleUsage struct {
	Title, Newer, Older, CSV, CSVCustomers, CSVPlans string
	Month                                            string
	Stats                                            []StatProps
	Chart                                            ChartProps
	Sections                                         []ReportSection
}

// ConsolePlot is a chart of the overview.
type ConsolePlot struct {
	Title, Text string
	Chart       ChartProps
}
