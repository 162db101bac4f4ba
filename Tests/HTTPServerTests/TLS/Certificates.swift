/// Certificates and keys for tests only, valid from 2020 to 2100.
enum Certificates {
    /// The authority that all but the stranger's come from.
    static let ca = """
        -----BEGIN CERTIFICATE-----
        MIIBSzCB86ADAgECAgEBMAoGCCqGSM49BAMCMA0xCzAJBgNVBAMMAmNhMCAXDTIw
        MDEwMTAwMDAwMFoYDzIxMDAwMTAxMDAwMDAwWjANMQswCQYDVQQDDAJjYTBZMBMG
        ByqGSM49AgEGCCqGSM49AwEHA0IABAy0jnnRj3GuuWv0df6NT/uDuOYNogSgRk9R
        Q9BBglUMf+2Pgtw+P7hmEMqzE+j6KAIoycACMTAiL6EPCv3jBeCjQjBAMA8GA1Ud
        EwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgEGMB0GA1UdDgQWBBRq7LIv8mKeczAs
        4f7JpVn9obycUjAKBggqhkjOPQQDAgNHADBEAiBa5NMLoxaABkNGoX21s3aHPgp0
        /ylOYi6rkn8hKbNOfAIgDzP+D+XZLLDA0+qwwWq72ykTEvD28audsrXhjv9F9zI=
        -----END CERTIFICATE-----
        """

    /// A server's certificate for `localhost` and 127.0.0.1, and the intermediate one it comes from.
    static let serverChain = """
        -----BEGIN CERTIFICATE-----
        MIIBkTCCATagAwIBAgIBBDAKBggqhkjOPQQDAjAQMQ4wDAYDVQQDDAVpbnRlcjAg
        Fw0yMDAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowETEPMA0GA1UEAwwGc2Vy
        dmVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1Fo/fVS5cq5IaZsW9j6BSqw8
        PtR/RJCtN1v6Tirw4MF0h3DZ6NsZ9XI3sDeJdCvEXgv3tfuc3ZhF8sZy358N+aN+
        MHwwCQYDVR0TBAIwADATBgNVHSUEDDAKBggrBgEFBQcDATAaBgNVHREEEzARggls
        b2NhbGhvc3SHBH8AAAEwHQYDVR0OBBYEFJaw2mAQlD6Nmd1DsZ7oDC6vWEX+MB8G
        A1UdIwQYMBaAFEuqOtjuWncXpy8H8MfddfnkvOJjMAoGCCqGSM49BAMCA0kAMEYC
        IQCF+8PCVnCfI+ejDQW2Xm/qcNax4dSTKOpjaX2UtsjeKAIhAK5LZP8/2uND4RMe
        duWM8tvAn14fWOYM1KO1CHY7z0FT
        -----END CERTIFICATE-----
        -----BEGIN CERTIFICATE-----
        MIIBcjCCARegAwIBAgIBAzAKBggqhkjOPQQDAjANMQswCQYDVQQDDAJjYTAgFw0y
        MDAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowEDEOMAwGA1UEAwwFaW50ZXIw
        WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASOdhJF9uz95XUl4Sxj8J2YOhWzvTun
        a1rIt0n6Uuuhsdhc8162zA+tiM0HD46UsH2UwMFa9A15pfbrVQ1OYnj6o2MwYTAP
        BgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwICBDAdBgNVHQ4EFgQUS6o62O5a
        dxenLwfwx911+eS84mMwHwYDVR0jBBgwFoAUauyyL/JinnMwLOH+yaVZ/aG8nFIw
        CgYIKoZIzj0EAwIDSQAwRgIhAJqIQTWsMCVBn2DkTx4JjYspzCYaE86sBvjrzRSq
        +2ogAiEAxXEQI3c1evYQTh3i1id+msenQtSnqwcuyVTG7r2wTd8=
        -----END CERTIFICATE-----
        """

    static let serverKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglDJmAAokC2E6RuQm
        YsG1LpQGXyy0FzTbCN7uCc3xQ+GhRANCAATUWj99VLlyrkhpmxb2PoFKrDw+1H9E
        kK03W/pOKvDgwXSHcNno2xn1cjewN4l0K8ReC/e1+5zdmEXyxnLfnw35
        -----END PRIVATE KEY-----
        """

    /// Another certificate for the same server.
    static let otherChain = """
        -----BEGIN CERTIFICATE-----
        MIIBkDCCATegAwIBAgIBBTAKBggqhkjOPQQDAjAQMQ4wDAYDVQQDDAVpbnRlcjAg
        Fw0yMDAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowEjEQMA4GA1UEAwwHc2Vy
        dmVyMjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAaYnAQqGG5/EG9/UiLYzyvS
        Z9b4PtZfQ+7l0xg6EGfcTtpQPJubzfAg9nouOE91Rqyq1ngJWVeMeSLU7czN7dej
        fjB8MAkGA1UdEwQCMAAwEwYDVR0lBAwwCgYIKwYBBQUHAwEwGgYDVR0RBBMwEYIJ
        bG9jYWxob3N0hwR/AAABMB0GA1UdDgQWBBQowKJlL4GzxPwGP0wB0JhuYc/KeTAf
        BgNVHSMEGDAWgBRLqjrY7lp3F6cvB/DH3XX55LziYzAKBggqhkjOPQQDAgNHADBE
        AiARRDqJ8HDvY3T1N2E36SvWRTe44Kl9SEcv/W0HRzpH/gIgXq9OiGepbek2exk8
        Qz54pur62qFd0uKxj6/x9oXOKug=
        -----END CERTIFICATE-----
        -----BEGIN CERTIFICATE-----
        MIIBcjCCARegAwIBAgIBAzAKBggqhkjOPQQDAjANMQswCQYDVQQDDAJjYTAgFw0y
        MDAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowEDEOMAwGA1UEAwwFaW50ZXIw
        WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASOdhJF9uz95XUl4Sxj8J2YOhWzvTun
        a1rIt0n6Uuuhsdhc8162zA+tiM0HD46UsH2UwMFa9A15pfbrVQ1OYnj6o2MwYTAP
        BgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwICBDAdBgNVHQ4EFgQUS6o62O5a
        dxenLwfwx911+eS84mMwHwYDVR0jBBgwFoAUauyyL/JinnMwLOH+yaVZ/aG8nFIw
        CgYIKoZIzj0EAwIDSQAwRgIhAJqIQTWsMCVBn2DkTx4JjYspzCYaE86sBvjrzRSq
        +2ogAiEAxXEQI3c1evYQTh3i1id+msenQtSnqwcuyVTG7r2wTd8=
        -----END CERTIFICATE-----
        """

    static let otherKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgetSJZYdtZNBw9tNF
        X4TobotlUTs5XexSWmkCjQH7Xz6hRANCAAQGmJwEKhhufxBvf1Ii2M8r0mfW+D7W
        X0Pu5dMYOhBn3E7aUDybm83wIPZ6LjhPdUasqtZ4CVlXjHki1O3Mze3X
        -----END PRIVATE KEY-----
        """

    /// A client's, with a name of each kind.
    static let client = """
        -----BEGIN CERTIFICATE-----
        MIIB3jCCAYagAwIBAgIBBjAKBggqhkjOPQQDAjANMQswCQYDVQQDDAJjYTAgFw0y
        MDAxMDEwMDAwMDBaGA8yMTAwMDEwMTAwMDAwMFowETEPMA0GA1UEAwwGY2xpZW50
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjJx4GpvJ1LuY3jvsRdy+QUDpD5vG
        fnJe5D2SgVHJfcCQiw8w1+/uKsC39qZWffHGek0aAQnqINOYEwwy+M3tmaOB0DCB
        zTAJBgNVHRMEAjAAMBMGA1UdJQQMMAoGCCsGAQUFBwMCMGsGA1UdEQRkMGKCFnBy
        b21ldGhldXMuZXhhbXBsZS5vcmeHBMAAAgeHECABDbgAAAAAAAAAAAAAAAeBD29w
        c0BleGFtcGxlLm9yZ4Yfc3BpZmZlOi8vZXhhbXBsZS5vcmcvcHJvbWV0aGV1czAd
        BgNVHQ4EFgQU8jNpl5WeHfsljCRV979bkX6IIX0wHwYDVR0jBBgwFoAUauyyL/Ji
        nnMwLOH+yaVZ/aG8nFIwCgYIKoZIzj0EAwIDRgAwQwIgSvdP9tHGsfUKR7/M422h
        Zveiw4w2R+gJ16K/vEWMtz0CH061YC8IMWSG9KPtXPk5kRW56/02GCptLRcsg5eB
        2RM=
        -----END CERTIFICATE-----
        """

    static let clientKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgZ8pX/JhwJjZ5JNbp
        LlmvWRS12Zne65Ln/n5RnkCygPuhRANCAASMnHgam8nUu5jeO+xF3L5BQOkPm8Z+
        cl7kPZKBUcl9wJCLDzDX7+4qwLf2plZ98cZ6TRoBCeog05gTDDL4ze2Z
        -----END PRIVATE KEY-----
        """

    /// A client's of another authority, with the same DNS name.
    static let stranger = """
        -----BEGIN CERTIFICATE-----
        MIIBmjCCAT+gAwIBAgIBBzAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANjYTIwIBcN
        MjAwMTAxMDAwMDAwWhgPMjEwMDAxMDEwMDAwMDBaMBMxETAPBgNVBAMMCHN0cmFu
        Z2VyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAERCqFVrDEEq7Wz4LYqtDtiCzV
        qUJsSZea8W331Oat18yACQJrcl+2S6BJTk55xTyxQdN2qTrgwF9NNT427uekG6OB
        hjCBgzAJBgNVHRMEAjAAMBMGA1UdJQQMMAoGCCsGAQUFBwMCMCEGA1UdEQQaMBiC
        FnByb21ldGhldXMuZXhhbXBsZS5vcmcwHQYDVR0OBBYEFGNrbD3n6+H/udVFQ8WN
        Q539EoCNMB8GA1UdIwQYMBaAFJCzoCpNYKe0O7pBrSgbu77pb4rmMAoGCCqGSM49
        BAMCA0kAMEYCIQDJKt0hpzjm13KTpLPZteLqLjGgWE8yjUsaZyMuDZ+S0wIhAOcL
        92JoFudgxPdSjkYp/4d6+nECsz4sEWL2LIOs/4+e
        -----END CERTIFICATE-----
        """

    static let strangerKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXKdkIpcXTEcTv3gu
        TOwt1y42kIbCCaYmOa16dLFfp0OhRANCAAREKoVWsMQSrtbPgtiq0O2ILNWpQmxJ
        l5rxbffU5q3XzIAJAmtyX7ZLoElOTnnFPLFB03apOuDAX001Pjbu56Qb
        -----END PRIVATE KEY-----
        """
}
