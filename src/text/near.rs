//! What a mistyped word was meant to be.

/// The known word that differs least from a typed one, if it differs little. Capitals count for nothing.
pub(crate) fn nearest<'w>(word: &str, known: &[&'w str]) -> Option<&'w str> {
    /// Longer words are nobody's typing mistake, and the comparison is quadratic.
    const LONGEST: usize = 40;
    let word = word.to_lowercase();
    if word.len() > LONGEST {
        return None;
    }
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().min(word.len()) / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

/// What a word that is not known was meant to be: the nearest of those that are, or any of them.
pub(crate) fn hint(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("expected one of {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_offered_only_if_it_is_near() {
        assert_eq!(nearest("prot", &["port", "ports", "reason"]), Some("port"));
        assert_eq!(nearest("Reson", &["port", "reason"]), Some("reason"));
        assert_eq!(nearest("zzzzzz", &["port", "reason"]), None);
        assert_eq!(nearest(&"port".repeat(1000), &["port"]), None);
    }
}
