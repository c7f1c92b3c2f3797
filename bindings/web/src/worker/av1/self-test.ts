// Whether an AV1 decoder is exact: two tiny clips, each a keyframe and what follows it, of an odd size.

import { Av1Error, type PlaneRequest, type PlaneSource } from "./planes.ts";

interface Clip {
  width: number;
  height: number;
  fullChroma: boolean;
  /** A temporal unit and the {@link sumOf} its planes. */
  units: readonly [base64: string, sum: number][];
}

/** Above every surface of a stream. */
const SURFACE = 0xffff;

/** Passes in silence, or fails with an {@link Av1Error}. */
export async function selfTest(source: PlaneSource): Promise<void> {
  for (const clip of CLIPS) {
    let keyframe = true;
    for (const [base64, sum] of clip.units) {
      const data = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const request: PlaneRequest = { ...clip, surface: SURFACE, keyframe, data };
      if (sumOf(await source.decode(request)) !== sum) {
        throw new Av1Error("unusable", "this browser's AV1 decoder is not exact");
      }
      keyframe = false;
    }
  }
  source.reset();
}

/** FNV-1a, 32 bits. */
export function sumOf(bytes: Uint8Array): number {
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
  return sum >>> 0;
}

// ffmpeg's `testsrc2`, cut to 75 × 51, coded by aomenc (`--rt --cpu-used=8 --lag-in-frames=0 --end-usage=q
// --cq-level=40`, tagged BT.601); the sums are of what dav1d and aomdec give alike.
const CLIPS: readonly Clip[] = [
  {
    width: 75,
    height: 51,
    fullChroma: false,
    units: [
      [
        "EgAKDQAAAAMsrI2vkQYGBgQyuwkQAI1ACCCCEAgg3Uj0KhwXbf5xUSJBa5Nnjd3WJ17L/4REouK5KoDQ3sm0XLo7POB0B97c7ma0" +
          "w2XKlkaZjWFvl6Zb9YJJ/cLdePiYYnxidSd73gUWm6eFNMpfp1kAclMEO8chA93QZrjWdFiYi9OwQ2WHQ0JI966ovlDktnOJZJtY" +
          "CywxO64rVnzysuLU3GCgiSvQkuOcFX4do13pdTgRh4ZSiSZ3Lzwkzt+HPsYCrmJcoQ5OeihuzVuEy3V+r0h+nN41Vpna6OGtqz8F" +
          "Sb8naHLphnJKfQcYfFuMX21eU0J257etVD71jbZcJBXoQBWFWJWKLd5XGIyBrm/5f/JwoC3Q/fuoq5O+ZRxhIh7vQ9YjS7uwxqpF" +
          "Z+VrP5LLdLeJ+A4W30LjQ7v5BTUm6cPJ+OWs8Tmto8JmtyHW/5EKqifyaFldifDr/WGEvp8c4aoHB9POrkKY2vHEVXaM82Pls/m0" +
          "lA7I69Aq4PX8nWmLHJWB5AzKBMFrKLfTfmbyrc0iySiVeqLMIIfA9kfajvrGLRGFJ9YBGTAObj7tnp7iRHXPTSihNFPwwQy8t8Iq" +
          "tHX82bcdtRFRdCxAoHjbmC3TSjAYUmuuiIECm6Nr7go5HkQJzSC2Xm81fBorhQ20im/qHhCaRAkA2Jh4Wb6Kjwo9PzR92LojJrAH" +
          "yij/lI3iQ2Sip6ZklUo19/eQKm9BUtdudyiopB3xlrBFmiBY5I36Y7j20n/KqGX6Py0xY1p/Edjk+eaO1ySbMho5TI4UH6gHNR9D" +
          "e6SpQh5m5TjrwokTStQwi2N/L/R6s9ApUgySmeaXOJRfH5I7BzNuWjeoUtd4uC27D5CCuP8QRUmRctFOBBEZjW4RVYmLxkP/larM" +
          "yw1suY4jdi1Trzm6ZtpMV2KG5BpReJl+hwWA+idMWxWnBNlPdINeod9g+295PnlX5VqnimgrSTap0mLLiL4B/29x559cOg+R+sIY" +
          "lQARxKQG/jJ6lPJLNuO7w7rFX3gUboY7eTsGbC4Yf4qL78KXEXsmWxELfDcQgtJUKW9RzikgNC6qGq3XvJkpiTocnCbzyxVufwXT" +
          "YWbPSB4yxc7PCUudiTWQy8AVjpmZOir6II3lFnNjQKKps7jKH3qjpP/hTeF0evueDm/KzIIb6bCMfLZ8syIbwZAwl69ioJmIOO01" +
          "v/JH914sf+qaQc97A8LGAiDdQbx1dV1SY0MlMWEbbEwlzamPn26RDu5e6ud+2VSZXvlmSGKhJbmi7/TkPnFJ4sFbeb6oZra85usq" +
          "akoPlsbm/0x9zEDm6ct587mMeo49aGomA+zhAbFNoCSE/HGbEylcWn+dqHwmTnweNsSP9M9dsN5MNKOCU416Xfqr8p761OZzuHDe" +
          "CXqzIobdCr8hC8fZBwJ5oZvQInNgN8EtwlIpI+yGb/7EFLdm/TJC4XobGT+JfX0tsYUqBmfULUt1uW+9gUYpf21KBQ2nEuZJLZCm" +
          "GpXoqGQJLXTHltLl564jfP6j20MwHWlxgcKlFXtQKjATUF6tBlTuupQufqpe1MPw3BDr+Vdqw//+l2AM1OqIOA+N3u0bDLcVfyG4" +
          "HatrsLIUR+oJIM+oVy6BM5NZT2yHmWRBTmG8eYb4qQ==",
        0x944705b0,
      ],
      [
        "EgAyRzADgID9+DqgAQQQQFBAhACXwF8KS0IXhErrQ6RMUpuzYa7Lr8RXWWlo4MTZNP7QP7IrTbi39rnmq2ZFx8/210VmLDttlgtU",
        0x7fe5b960,
      ],
      [
        "EgAySzAEAQV9+DqgAQQQQFBAhACU6OeaN4b+0/J1jLXOA4ZYIxz0wCrP6maKSxW5K4TQKFxNmavi7PjBIa7Xy75B0tfRKjIROQ7J" +
          "MBnCMA==",
        0x3d569317,
      ],
    ],
  },
  {
    width: 75,
    height: 51,
    fullChroma: true,
    units: [
      [
        "EgAKDSAAAAMsrI2vkgwMDSAy5Q8QAI1ACCCCEAgg3TI5Pp6GDHbNYeFjARWC3F7HdNa/+lZ+kxjGnQpGL//rPcXPoOycRL6J32kN" +
          "8hEWYV2kkAlXX7Cs6YupG2LVQnkSoCa+YG5SPzizGpFze6B16GuF2+WMpe31rPlGXKOws8/wC5LdMNP9BEr8Pgh1ZzGU/E2yh+x0" +
          "r4YCt0j9277uPE3oZpCk8djV6xZThhYJxQGzIZnBFvfQZyIPmzrr+nzqALnhNl96fPTK1+YCh9KwVvqB+7yDHRbW8HZXXFaBuVUD" +
          "Cc9nsMyjWFxxgy3p5eKe0l/iO/uXsz7a16vARAmYmrzUvtsws/NCjigA9j+JWNqmRgEgrDcqFeAPUZILmGwbElFMbGAxwpvpvkK1" +
          "gTT2a+r1Bw+5vTGJ/PJS68u42a8YiVwsErTWTS+b7smhfcV41Cl958A1Mwe/re+Fegku/xPKp/jeW+ZdEolvGpRTV8Q16mDNZtZT" +
          "Q+E/636hxZz2P7JCKKzSwMT6z0iPEwyQUhcXFTHyH2LphTKJJhEOMNI2jILstr7iRN18IxpFkdtxWUa+VG0PfJn52OEpJxCmbGPe" +
          "syEdOsUMEvq9whx7dfA86Enhm3HWoxuCi2PuFSSQ/CjpOdF8rgWQWBoEp7do4jScsXn1tiwvk8AA5I0cnmCmkTwhafyxKo7oHBzS" +
          "YsbY/D9lkG4jxBzg1ZVb3EngM3ZjUUCuE0h4pXfUZfSKvq+bBpsWdsp+sBE8TJ05gGcC6tVE+TElEYbwiVJreO2rW3FB6WFtzi2k" +
          "F2WVU1eXANAbOw6hUTj6P5Zl6ku3a0RG5REO5p8pGkLWv50cstsOHsVnIS8Al0lXy6qNAGe/z/cALiLQwZsJqewM+UyV0XBUryGZ" +
          "63rovP+zaNMJ2PkExwDdVHPP5kSFaYGYqNbvrQUnsBdJzzctPAkPJfCU38DEIYy6NtOsNo8NuB8lwUXN77fYRkHVBeJ5qk7D6Uxc" +
          "EW4/g688Z39k+8hgrQ4v7T43kZxMB/esrZYT3W3iz+SAAJMVQ9XBfR/NUjpHzbOj0+SQ7YQJCmUucWsS3cdLaAHHezuQBMgJJzEh" +
          "rfT0A8tlM627ioo0tbzFKT2uqinFp3yWEXKgovvWOGCkjXGiT5Q+w7VvhquxBVlqFMgz9RPSl9WKNg0xczSUQM1drT2setz1EgBp" +
          "JKC9YUjrJ0SVjF88INYM+2EZi1IvyOXC1eUGH1zuuNQ8d5fZLxM9PPFdPXp2Olda2Xf5LsqYfL5u2LV3ueck512C8D0BeMteewlD" +
          "XVghos+k0uj118AWRucG2uP15AH/U3g6n+fW9PIEnV7SaA/dTxgLv/5oMnGktKTghsLk9rPO95mML9v13FHC1foo+A5rhESoQDvd" +
          "lljS7cDUw8CXlB289U+tIPHUoq/qFioRo6bopUIWVZ1AMpbKY+XMlY21pqRk/tEA3NIdT6T0e6nbS88eNJwQuzt479BmR0eWx7rJ" +
          "UXWHsAI+OkoKAfgsXU/j+dZuxxPs0Su84XkD7S88bUEB5iWdXxzcICp6cnvt4Tm/JEEoZ2lN5V1qz9vilSXCxW/YepMWaa7T5+SV" +
          "Zd/G7sFvcja5b6jf2HlYRYKarvSsw8U96i92SVE0//dzygAMSy1cSjMYNPV2tiyQrwvN95W/XBXyQ4cYnWT6JnUtK2OfyRZwPxM7" +
          "I0+1656KczVVz9jNNy0L+MRIE2CtrOTyzHMUINGs7+YZ8NsEL6z074+j7EOKgTu9cgLP1w1Go1jW0dwnGtoAw+97RbjcTTDnMhWr" +
          "RcYl5wkWHmE88Ao2G30nixYYO58O48AWzVpX24y1G1X94jVpKZBLBdfioh1BCadk7qixMKwcsP21AWDY3vmUVWhlnGGOJFP/He7k" +
          "Ebbcsk4vHtmFwaUKyC48F/lzDJAkpDhhrt6EtSqMAQ0DBvaucM+fd3q8qYzez4vkTE0w9VlWkez+fuMyRHhYSNe4xhnDjxAyVnvC" +
          "ghKbwX0HHrFSioTtBfx1taFQS3NXoim6C5Vdj/+nmu8+7zIHZe9q52TaZiNZ9NEC3CZSWUmaMYzcp66IADJx2hBIUGoe4nW+kSuB" +
          "m99L4v+mJrJp6mkOOlnpAyFjfx50VQfDQ5P31v/AXzykv+rnd5AyGUDLj5/+DvY8pE66JBxJEr6VGqpujULgDOavTmmExCKtizO9" +
          "lGOd+2O8++gvZr5MZq8OwF7FGigYzr/Ke2NJf+EOUphiJX/sHIoQnkcSMj6SKBdLkA/grj7OpetISrKq802MTGYyDxE76knkdvYV" +
          "kY4VP/M10v/NBX7a+amb5pe+AcfYx7yLGrmDpqtvs13uBnW8LftJfwCA1ChBkKzoDaN6n2d9QadgF7u1Oe1i5F6v8seLV18eu8gy" +
          "PRyo8u7MJRGX52a6VRVToeh/MJM7KwN8VGn3yLFRlACTr8Fck7vF082Ovptpoi8+zk0IiYdsUterdTxUcIsa6yIox9aZI6zlKpNq" +
          "w/cKbZ2RTLthDISph7tkOtg7AhkE6o0dUgwaX3Ex6ToxfzAN4EH79peeYgKRCu1qOBFuSm/E/LA12qGejiHUshcImv+H9CcXgWP7" +
          "4L2+r3bxgQPoc/HZ5YeeFpUQSO4JLoONRz76AMIJVZSJRv9Q8/dnPNOXiGdb8PunVU/kFEhePcjW3bThulmWxDvajUF3Ko5ynJGl" +
          "ESKQ8727202ENPiU9MEFwA==",
        0x9c949f35,
      ],
      [
        "EgAyZjADgID9+DqgAQQQQFBAhADN2hazxZLPlMNoxLnRDM1wWSLOAgoRW3Z0yuiVr01Qxno4mdjCpDb0JEdqzGigxuach4sg7BcH" +
          "XorShqNqSAApbW+8um77qKzse7oglIaymETB9D6TYw==",
        0x8dbad4f8,
      ],
      [
        "EgAybjAEAQV9+DqgAQQQQFBAhADN2HVasJuPWfkyVzOx5A4El/CrxBCWkD4nRZtj3APr0kt4E2RLFrPuHPAIjUQQgm7QxbyFS1io" +
          "JRjBYXnf0Uk+OLkWT5IoWiWDOJZnB3MDMlkcpqMHY9QIe9gxJSW8",
        0xf3f92c0a,
      ],
    ],
  },
];
