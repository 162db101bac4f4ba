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

    static func text(_ text: String) -> Response {
        Response(status: 200, headers: ["Content-Type": "text/plain; charset=utf-8"], body: Body(text + "\n"))
    }

    /// Returns a page, or with `location` a redirection there.
    static func html(_ text: String, location: String? = nil) -> Response {
        var headers: Headers = ["Content-Type": "text/html; charset=utf-8"]
        if let location { headers.add("Location", location) }
        return Response(status: location == nil ? 200 : 302, headers: headers, body: Body(text))
    }
}
