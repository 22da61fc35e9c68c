/**
 * Stored passwords made by other programs, each with its password.
 *
 * @module
 */

/** By Dovecot 2.3's `doveadm pw -s SCHEME`. */
export const DOVECOT: readonly (readonly [stored: string, password: string])[] = [
  ["{BLF-CRYPT}$2y$04$c2s02mw0XKXafVUpVqY6TujYwzl4/FGm.CNtbbJhIU3GxHo/h1O1W", "secret"],
  ["{BLF-CRYPT}$2y$04$RnT47KMbYv6mFkvSBPLsc.BKsmyqI/yhWh62Dkrloa9kW3zjddO/u", "pä ss:wörd"],
  [
    "{BLF-CRYPT}$2y$04$Oq3uwWuFOk2A1da8Bnp93Orkzzp8bYqKHH4K96eaABuoOunJWb3Bm",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
  ],
  [
    "{BLF-CRYPT}$2y$04$IBCa8FwRqUlmvA2BwGKl2uXThccX3nmDj.fY0n9UMZu1GsAJZujg2",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
  ],
  [
    "{SHA512-CRYPT}$6$rounds=1000$gnIq0JuJCDv1cZUw$1RNzfnY0HTfBla7hJRIcAuoYjdvuWux3cJchUpxdMettbbpYlOm0BIF3NWE/jJkQ7DrCmxTuWQRwvd4oS8o.3/",
    "secret",
  ],
  [
    "{SHA512-CRYPT}$6$rounds=1000$8aFU3PNicuAGhSL7$SlMMfafdZkokLPAdz/5lMsCf5sd9c3PuyhHzvUoGCPKSdtYtOaPnwfQAhB.AnOVA9OBZJIfXPwtzy37uN6aOX/",
    "pä ss:wörd",
  ],
  [
    "{SHA512-CRYPT}$6$rounds=1000$GWckY.ZI.0euo/Id$IsqudPDb0JcPCUTNc.tkYqMIvhunDXVzDra25vMABV5yZaKn9J5jSvAlYzttM5Hv0XYYRpdT7R8ddxoo8o8IR0",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
  ],
  [
    "{SHA512-CRYPT}$6$rounds=1000$SoFUSek.L0N6lwtw$AI8X.ynSVczclROcF5v8eoln9MCEu9QqsIHr9e8zRyTehfDo92cT2B6Seo3yXrMKbPHpIdUsDDNu9FYZ6ok3m.",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
  ],
  [
    "{SHA512-CRYPT}$6$rounds=1000$EdxxNOsQ5rqC3Vmt$VbT78zTXnyPJrAdxEU8.4sEvYuJZsEmwXr.HnFQOoY8I89gil9wGpwWUsxPHz70ll7ObZrudBwYnNS4SxARS61",
    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
  ],
  ["{SHA256-CRYPT}$5$ZFtPaoUY5XTsi/7W$kSf1dc8vu7JvK8BrHogq6e62LyQpC1lrC/2Apuqe/23", "secret"],
  ["{SHA256-CRYPT}$5$DuOS0q9MVDbAUWtJ$ib9UiEz3/l0Dypln01SHYKb9wQv43/zvAwJOXFCGf./", "pä ss:wörd"],
  [
    "{SHA256-CRYPT}$5$OkZYhsY1PQUU5DMP$96v/MLXYvqGGZUQe98d03Uu.lpDlS.1YzlodPzIjVs5",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
  ],
  [
    "{SHA256-CRYPT}$5$oJMHok.n1PEK.J/b$/YBVZDSEBEWhkxyiH25XlFRgK8LBA5IdB1/ySDa9qJ4",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
  ],
  [
    "{SHA256-CRYPT}$5$6wMQh/4WiFp9td3.$7pfp59vN6Rzylmy7zQuqHrn1zItnWBMepjdFpoeeyj2",
    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
  ],
  ["{SSHA}SMqp8BGCV2tWx/FBRWbi0UKA9Y+01rnt", "secret"],
  ["{SSHA}v8r8xLftZ/baWGuxWj/TxMiDsrYXcdo5", "pä ss:wörd"],
  ["{SSHA}Ks4peoMDB9B76YoxxyR5lMdNsXTdSKxo", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
  [
    "{SSHA}c8l3M73kETBdV7IekpQqJl7ys1zsMEGD",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
  ],
  [
    "{SSHA}gXFIXHtuJofHMVn6PFvCgLRq1xpqIDoF",
    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
  ],
  ["{SSHA256}6U1wGyEWwDqgAUSPG+bPRPwKuh+8SkwjYQRvFgJLYn1qF8fZ", "secret"],
  ["{SSHA256}pd8cpNy57z8oi/KKeJLY54thoOvZnLrujkMWIT+1Dc88c6W0", "pä ss:wörd"],
  ["{SSHA256}v9o86krxRXD9NeWFhffKbZ7zWUTHCDnUvbsppyLonri84ChA", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
  [
    "{SSHA256}bEnv6MM+KPGqSHwRzfuhBnrjd/mMLEyyqdGGfbT033efQOrG",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
  ],
  [
    "{SSHA256}4oR4vwPOoGVYkxW/XwNfbGHnEAKkcTDtNggpxTqAPJKB2DtS",
    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
  ],
  [
    "{SSHA512}8iYL1gzBS2mBVWgmi8+IwS0Nf+5SOtvjyk0cpxnh2i6s01TxU0eYakKu/6O9Yr/5B/f2MLFJ2Wn36/2HwOMddD4UzQ0=",
    "secret",
  ],
  [
    "{SSHA512}bxQzRc7ucS35TdAfBU2u4Z9z6JdJIY75TOudyJ8zLSsY0jcpHznoIOhESBBhMVMTVxEhwI1gj/LS87CMZGzI0riCuEI=",
    "pä ss:wörd",
  ],
  [
    "{SSHA512}0vgZYIE+UPqOKP8+MXWetb5gCu6iWLTRuN4w73dxKldwDvxCFbwQ3za1hiIbc1uDcchYKA6xuSc9pEXyinz9O9BmxYw=",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
  ],
  [
    "{SSHA512}A2cEdckbh09dfBdP2qBbHVnaUugpGjeTkEMQJ7LqOY6vQwm105eVWPI7rOzi08ZqYPo0jEmR1kSp7UNjneOHIVIC20s=",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
  ],
  [
    "{SSHA512}ke1tMNTXLD3dBmN6NVQi7sn7p4M0AEiN/piIuF/NIPg+CeDjmEe3p7FJU2x3vwvvd0oY9HVx46qCNPIFBeKC3TeCjak=",
    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
  ],
  ["{SHA256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=", "secret"],
  ["{SHA256}cP/UoRQRFufIlk0ac/L4Wgvs3FPKcLR8epMYE8Ml1O4=", "pä ss:wörd"],
  ["{SHA256}xi5GFb054iJXLzob98ITLqHmWxfsgFBHvWsoQsWTST8=", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
  [
    "{SHA256}/78wq5QQeywU11z7RV7JTyAEAN3FzjBODCGJQJDbBV8=",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
  ],
  [
    "{SHA256}vXR1cXqI8T3DhkqRwS+30VXnzMyMqUMO8mZdstLffy4=",
    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
  ],
  [
    "{SCRAM-SHA-256}4096,QlexEhMx+QgfdXo388gJgg==,lM0LdjaOcLZj9LNEe5eFUWwIB61ZPg9mMtW7rBwMG6g=,UkPnn+1/fOVPBNvsZ6cBWMWKzNm7BRN9Czhi9Hucon8=",
    "secret",
  ],
  [
    "{SCRAM-SHA-256}4096,g8yTHEqGQPTnXFaQs1fUxw==,zVJWsvhMidOHtfxjzcXl/+ZefCrABfuQK70Bs4P14pM=,OXewDphMuTyIvJqla/7xvZzFvQJRpGLXRRw2PVYKvBA=",
    "pä ss:wörd",
  ],
  [
    "{SCRAM-SHA-256}4096,oue7GnIYq5kplxvjNb3qHQ==,GTMUv9pmJLJrenOfm2FRmKBz4NVOkK7Ow7BCdRHRLjI=,zOU5haXi8m6AaKuA/Sjs1+23wSjbCrSSmzPcZtOfAeg=",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
  ],
  [
    "{SCRAM-SHA-256}4096,kH6bLWSnJzyqH1ofdXKw1g==,iFo8ntZSYItjMOSX7tnySeQfPfHV4oCgZuWLAuRU2Fw=,NwulY7hXvLoBaUnsC/b8ZI3Ruou0Dmn7gazs2URGsko=",
    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
  ],
  [
    "{SCRAM-SHA-256}4096,N5aE/7lB7l+ZvGUmRvbg4A==,EuaYvw1qKzkH/kJxi/vTOa7n8e/Z/ZRO5mgGZntznSo=,SdJH7SSmqiAlc/cUFYRRwEK4HFjHp787njFBnOadxNI=",
    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
  ],
  ["{SSHA.HEX}35a0e995d24db0e8d12bcbfaeedea096136bf7b58937fcc0", "secret"],
  [
    "{SSHA256.HEX}b26cdcc250b070ba20e44514ef317c235cfeec4ed9fa92fff6d8017d2774505114441deb",
    "secret",
  ],
  [
    "{SSHA512.HEX}d5e1216322462e42c5874df299201c09271455db7f0aa8891759387881583ed03672cb5671971d5fbba185b89fa936e606631b455f9fb913f9212152c92d76e9d2812678",
    "secret",
  ],
  ["{SHA256.HEX}2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b", "secret"],
  ["{SHA256.B64}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=", "secret"],
  ["{SSHA.BASE64}oOPbzFJa0i52Ztqz+mPVPLKkpbaQ5C5x", "secret"],
  ["{PLAIN}pä ss", "pä ss"],
  ["{PLAIN.B64}cMOkOnNz", "pä:ss"],
  ["{plain.hex}70c3a43a7373", "pä:ss"],
  [
    "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$4nNkYNh5eRiLiptqVCcQCQ$xfjDAtdu+rpCjWqBKupsG7nHSCeX9MTdwo2ilriYtoo",
    "secret",
  ],
];

/** By `openssl passwd -6` and `-5`. */
export const OPENSSL: readonly (readonly [stored: string, password: string])[] = [
  [
    "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.",
    "secret",
  ],
  ["$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.", "secret"],
  [
    "$6$rounds=1234$saltsaltsaltsalt$SIhoEbNoHY.JYjjaMT/wxry5Gi6pw1j3NBX3H0kJ1MAfpx6NanX1llng.SUAKqzPZ8mJiFTee3tOPcyeXC5SB0",
    "pä ss:wörd",
  ],
  [
    "$5$a$MdAfJLQGI7iUk6P/ReTY3AiMFJ1WxxjlwrwiuLforh1",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
  ],
  // The inputs of the test vectors in Ulrich Drepper's specification.
  [
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    "Hello world!",
  ],
  [
    "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
    "Hello world!",
  ],
  [
    "$6$rounds=77777$short$WuQyW2YR.hBNpjjRhpYD/ifIw05xdfeEyQoMxIXbkvr0gge1a1x3yRULJ5CCaUeOxFmtlcGZelFl5CxtgfiAc0",
    "we have a short salt string but not a short password",
  ],
  [
    "$6$rounds=1000$roundstoolow$kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX.",
    "the minimum number is still observed",
  ],
  ["$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"],
  ["$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA", "Hello world!"],
  [
    "$5$rounds=77777$short$JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/",
    "we have a short salt string but not a short password",
  ],
  [
    "$5$rounds=1000$roundstoolow$yfvwcWrQ8l/K0DAWyuPMDNHpIVlTQebY9l/gL972bIC",
    "the minimum number is still observed",
  ],
];
