package views

// Report is a page of figures for people who check them: facts, tables whose cells
// lead on, and the forms that belong to them.
type Report struct {
	Title    string
	Text     string
	Back     NavItem
	Links    []NavItem
	Actions  []ReportAction
	Notice   *Notice
	Sections []ReportSection
}

// ReportAction is a button that posts one value after a question.
type ReportAction struct {
	ID, Label   string
	Action      string
	Name, Value string
	Kind        Kind
	Question    string // asked first; empty does it at once
	Explained   string
}

func (a ReportAction) open() ButtonProps { return ButtonProps{Label: a.Label, Kind: a.Kind} }

func (a ReportAction) last() ButtonProps {
	return ButtonProps{Label: a.Label, Kind: a.Kind, Name: a.Name, Value: a.Value, Solid: a.Kind == Danger}
}

// ReportSection is one card of a report.
type ReportSection struct {
	ID, Title string
	Text      string
	Facts     []Item
	Caption   string
	Columns   []Column
	Rows      []ReportRow
	Empty     string // said when there are no rows
	Form      *ReportForm
}

// ReportRow is one line of a table; Total is drawn as a sum.
type ReportRow struct {
	Cells []ReportCell
	Total bool
}

// ReportCell is a text, or a link, or a state, with a smaller line below.
type ReportCell struct {
	Text, Below string
	Href        string
	State       string // as it is stored
}

// ReportForm posts what a section asks for, or with Get leads to another report.
type ReportForm struct {
	Action  string
	Get     bool
	Fields  []FieldProps
	Selects []SelectProps
	Submit  string
	Wrong   Wrong
}

func (f ReportForm) lines() []FieldError {
	var names []string
	for _, field := range f.Fields {
		names = append(names, field.Name)
	}
	for _, field := range f.Selects {
		names = append(names, field.Name)
	}
	return f.Wrong.lines(names...)
}

func (f ReportForm) field(p FieldProps) FieldProps {
	p.Error = f.Wrong.Fields[p.Name]
	return p
}

func (f ReportForm) choice(p SelectProps) SelectProps {
	p.Error = f.Wrong.Fields[p.Name]
	return p
}
