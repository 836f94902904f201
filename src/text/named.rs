//! Enums whose variants have a name in files and tables.

/// Defines an enum whose variants have the names that files and tables print.
macro_rules! named {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        $vis enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every value, in order.
            $vis const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// The one that files and tables call so.
            #[allow(dead_code)]
            $vis fn of_name(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|one| one.name() == name)
            }

            /// Name as it stands in files and tables.
            $vis const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
    (explained $(#[$meta:meta])* $vis:vis enum $name:ident { $(#[doc = $meaning:literal] $variant:ident = $text:literal,)+ }) => {
        $crate::text::named! { $(#[$meta])* $vis enum $name { $(#[doc = $meaning] $variant = $text,)+ } }

        impl $name {
            /// What it means, in a sentence: as it is documented.
            pub(crate) const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning.trim_ascii_start()),+ }
            }
        }
    };
}

pub(crate) use named;
