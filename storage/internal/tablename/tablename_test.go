package tablename

import "testing"

// The pairs are what the original's name converter gives.
func TestSnake(t *testing.T) {
	for in, want := range map[string]string{
		"XMLNode": "xml_node", "HTTPServer2": "http_server2", "User": "user", "SalesOrder": "sales_order",
		"sales-order": "sales_order", "user_Profile": "user_profile", "ALLCAPS": "allcaps", "iPhone": "i_phone",
		"A": "a", "Ab": "ab", "AB": "ab", "ABc": "a_bc", "aB": "a_b", "Job2Run": "job2_run", "Blog-Post": "blog_post",
		"GetHTTPResponseCode": "get_http_response_code", "V2": "v2", "My__Model": "my__model", "my model": "my model",
		"Ünïcode": "ünïcode", "Person3D": "person3_d", "already_snake": "already_snake", "Mixed-Case_Name": "mixed-case_name",
	} {
		if got := Snake(in); got != want {
			t.Errorf("Snake(%q) = %q, want %q", in, got, want)
		}
	}
}
