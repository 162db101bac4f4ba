import HTTPServer

extension Response {
    /// `{"message":"…"}`, as the API words what it has to say besides lists.
    static func message(
        _ status: Int, _ message: String, headers: Headers = ["Content-Type": "application/json"]
    ) -> Response {
        Response(status: status, headers: headers, body: Body("{\"message\":\(JSONText.quoted(message))}"))
    }

    /// 200 with this JSON.
    static func json(_ json: String) -> Response {
        Response(status: 200, headers: ["Content-Type": "application/json"], body: Body(json))
    }

    /// 200 with these lines for people to read.
    static func text(_ text: String) -> Response {
        Response(status: 200, headers: ["Content-Type": "text/plain; charset=utf-8"], body: Body(text + "\n"))
    }

    /// 200 with a page, or 302 to another where `location` is given.
    static func html(_ text: String, location: String? = nil) -> Response {
        var headers: Headers = ["Content-Type": "text/html; charset=utf-8"]
        if let location { headers.add("Location", location) }
        return Response(status: location == nil ? 200 : 302, headers: headers, body: Body(text))
    }
}
