package billing

// IssueNow is issueNow, for tests with a database.
var IssueNow = issueNow
