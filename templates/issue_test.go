package templates

import "testing"

func TestRenderIssueGolden(t *testing.T) {
	for name, v := range sampleIssues() {
		e, err := RenderIssue(v)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		golden(t, "issue-"+name+".html", e.HTML)
		golden(t, "issue-"+name+".txt", "Subject: "+e.Subject+"\n\n"+e.Text)
	}
}
