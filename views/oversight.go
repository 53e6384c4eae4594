package views

// Jobs is what waits, runs and has failed in the installation.
type Jobs struct {
	Sections []ReportSection
	Kind     string // of the timers shown
	Kinds    []Option
	Timers   []ConsoleRow
	Letters  []LetterRow
}

// LetterRow is failed work with what can be done about it.
type LetterRow struct {
	DeadLetterRow
	Discard string // where the form goes that puts it aside
	ID      string
}

// Operators is the list of the provider's people.
type Operators struct {
	Rows   []OperatorRow
	Create ReportForm
}

// OperatorRow is one of them; Self is who looks.
type OperatorRow struct {
	ID, Name, Email, Since string
	Self                   bool
	Reset                  ReportForm
	ResetOpen              bool
}
