import HTTPServer

extension Response {
    /// Returns `{"message":"…"}`, the form of the API's errors.
    static func message(_ status: Int, _ message: String, headers: Headers = [:]) -> Response {
        json("{\"message\":\(JSONText.quoted(message))}", status: status, headers: headers)
    }

    static func json(_ json: String, status: Int = 200, headers: Headers = [:]) -> Response {
        var headers = headers
        headers.set("Content-Type", "application/json")
        return Response(status: status, headers: headers, body: Body(json))
    }

    static let loginPage = Response(
        status: 200, headers: ["Content-Type": "text/html; charset=utf-8"],
        body: Body("<!DOCTYPE html>\n<title>Log in</title>\n<p>Please log in.</p>\n"))

    static func redirect(to location: String) -> Response {
        Response(status: 302, headers: ["Content-Type": "text/html; charset=utf-8", "Location": location])
    }
}
